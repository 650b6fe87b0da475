"""An Ingress and an HTTPRoute show the calls of users, and nothing ends a call before its longest wait."""

from typing import Any

import pytest

from inference_api.settings import ApiSettings
from tests.chart.helm import NAME, NEEDS_HELM, numbers, one, refusal, values

pytestmark = NEEDS_HELM
INGRESS = values("api.ingress.enabled=true", "api.ingress.hosts={a.example.org,b.example.org}")
ROUTE = values("api.httpRoute.enabled=true", "api.httpRoute.parentRefs[0].name=gateway")
SHOWN = ["/classify", "/result", "/models", "/page", "/docs", "/openapi.json"]


def ingress_paths(*arguments: str) -> list[list[str]]:
    """Return the paths of each host."""
    rules = one("Ingress", "api", *INGRESS, *arguments)["spec"]["rules"]
    return [[path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Prefix"] for rule in rules]


def route_rules(*arguments: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = one("HTTPRoute", "api", *ROUTE, *arguments)["spec"]["rules"]
    return rules


def route_paths(*arguments: str) -> list[str]:
    (rule,) = route_rules(*arguments)
    return [match["path"]["value"] for match in rule["matches"] if match["path"]["type"] == "PathPrefix"]


def test_only_the_calls_of_users_are_shown() -> None:
    assert ingress_paths() == [SHOWN, SHOWN]
    assert route_paths() == SHOWN


@pytest.mark.parametrize("hidden", ["/metrics", "/readyz", "/healthz", "/"])
def test_nothing_leads_to_what_operators_ask(hidden: str) -> None:
    # A prefix matches whole parts of a path.
    shown = [path.rstrip("/") + "/" for path in [*ingress_paths()[0], *route_paths()]]

    assert not [path for path in shown if f"{hidden}/".startswith(path)]


def test_every_path_follows_the_prefix_of_all_calls() -> None:
    prefix = values("api.settings.INFERENCE_PATH_PREFIX=/digits")

    assert ingress_paths(*prefix)[0] == route_paths(*prefix) == [f"/digits{path}" for path in SHOWN]


def exact_paths(*arguments: str) -> list[str]:
    """Return the paths without all below them, of the first host of the Ingress, then of the HTTPRoute."""
    ingress = one("Ingress", "api", *INGRESS, *arguments)["spec"]["rules"][0]["http"]["paths"]
    (rule,) = route_rules(*arguments)
    matches = [match["path"]["value"] for match in rule["matches"] if match["path"]["type"] == "Exact"]
    return [path["path"] for path in ingress if path["pathType"] == "Exact"] + matches


@pytest.mark.parametrize("prefix", ["", "/digits"])
def test_the_page_is_shown_at_the_root_alone(prefix: str) -> None:
    assert exact_paths(*values(f"api.settings.INFERENCE_PATH_PREFIX={prefix}")) == [f"{prefix}/", f"{prefix}/"]


def test_a_page_that_is_switched_off_is_not_shown() -> None:
    assert exact_paths(*values("api.settings.INFERENCE_PAGE=false")) == []


@pytest.mark.parametrize(("prefix", "shown"), [("", "/"), ("/digits", "/digits")])
def test_the_paths_are_values(prefix: str, shown: str) -> None:
    everything = values("api.paths={/}", f"api.settings.INFERENCE_PATH_PREFIX={prefix}")

    assert ingress_paths(*everything)[0] == route_paths(*everything) == [shown]


@pytest.mark.parametrize(
    ("longest_wait", "limit"),
    [
        pytest.param((), f"{ApiSettings.model_fields['max_wait_s'].default + 5:.0f}s", id="the default"),
        pytest.param(numbers("api.settings.INFERENCE_MAX_WAIT_S=12.5"), "18s", id="a part of a second"),
    ],
)
def test_a_gateway_waits_longer_than_the_longest_wait(longest_wait: tuple[str, ...], limit: str) -> None:
    assert route_rules(*longest_wait)[0]["timeouts"] == {"request": limit}


def test_rules_of_ones_own_lead_to_the_api() -> None:
    rule = '{"matches": [{"path": {"type": "Exact", "value": "/classify"}}]}'

    assert route_rules(*numbers(f"api.httpRoute.rules=[{rule}]")) == [
        {
            "matches": [{"path": {"type": "Exact", "value": "/classify"}}],
            "backendRefs": [{"name": f"{NAME}-api", "port": 8000}],
        }
    ]


def test_a_route_has_labels_and_annotations() -> None:
    more = values("api.httpRoute.labels.team=digits", "api.httpRoute.annotations.contact=digits")

    metadata = one("HTTPRoute", "api", *ROUTE, *more)["metadata"]

    assert (metadata["labels"]["team"], metadata["annotations"]) == ("digits", {"contact": "digits"})


@pytest.mark.parametrize("path", ["classify", "/classify?x", "/a b"])
def test_what_is_not_a_path_is_refused(path: str) -> None:
    assert "/api/paths/0" in refusal(f"api.paths={{{path}}}")
