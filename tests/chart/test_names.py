"""Any name of a release gives valid names of objects, and two releases never share one."""

import re

import pytest
import yaml

from tests.chart.helm import CHART, KUBERNETES, NEEDS_HELM, Object, helm, objects, refusal, template, values
from tests.chart.test_rendering import EVERYTHING

pytestmark = NEEDS_HELM
#: RFC 1035, as a Service needs it.
LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
RELEASES = [
    "a.b",
    "1st",
    "2.x",
    "123",
    "true",
    "null",
    "on",
    "a" * 53,
    "a" * 52 + "b",
    "team-a.digits-for-the-second-floor-of-the-museum",
]


def render(release: str, *arguments: str) -> list[Object]:
    done = helm("template", release, str(CHART), "--kube-version", KUBERNETES, *arguments)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def names_of(release: str, *arguments: str) -> set[tuple[str, str]]:
    return {(found["kind"], found["metadata"]["name"]) for found in render(release, *arguments)}


@pytest.mark.parametrize("release", RELEASES)
def test_every_object_has_a_valid_name(release: str) -> None:
    assert not [name for _, name in names_of(release, *EVERYTHING) if not LABEL.fullmatch(name)]


@pytest.mark.parametrize("release", RELEASES)
def test_every_label_has_a_valid_value(release: str) -> None:
    values_of = [value for found in render(release, *EVERYTHING) for value in found["metadata"]["labels"].values()]

    assert not [value for value in values_of if not LABEL_VALUE.fullmatch(value)]


@pytest.mark.parametrize(
    ("one", "other"), [("a.b", "a-b"), ("a" * 53, "a" * 52 + "b"), ("a" * 53, "a" * 40), ("1st", "r1st")]
)
def test_two_releases_share_no_name(one: str, other: str) -> None:
    assert not names_of(one) & names_of(other)


def test_a_name_that_looks_like_another_type_stays_text() -> None:
    options = values("worker.protectBusy=true", "metrics.rules.enabled=true")
    found = objects("--namespace", "123", "--set-string", "fullnameOverride=true", *options)
    (binding,) = [one for one in found if one["kind"] == "RoleBinding"]
    (rules,) = [one for one in found if one["kind"] == "PrometheusRule"]

    assert binding["subjects"][0]["namespace"] == "123"
    assert (rules["metadata"]["name"], rules["spec"]["groups"][0]["name"]) == ("true", "true")


def test_a_short_valid_name_stays_as_it_is() -> None:
    assert ("Deployment", "digits-mnist-inference-api") in names_of("digits")
    assert ("Deployment", "mnist-inference-api") in names_of("mnist-inference")


def test_another_name_stands_in_names_and_selectors() -> None:
    other = objects(*values("nameOverride=classifier"))

    assert all(found["metadata"]["name"].startswith("digits-classifier") for found in other)
    assert {found["metadata"]["labels"]["app.kubernetes.io/name"] for found in other} == {"classifier"}
    assert "app.kubernetes.io/name: mnist-inference" not in template(*values("nameOverride=classifier"))


def test_a_release_with_the_name_in_its_own_name_does_not_repeat_it() -> None:
    assert ("Deployment", "my-classifier-api") in names_of("my-classifier", "--set", "nameOverride=classifier")


@pytest.mark.parametrize("value", ["nameOverride", "fullnameOverride"])
@pytest.mark.parametrize("name", ["Digits", "digits.eu", "1st", "digits-", "digits_1"])
def test_a_name_that_is_not_valid_is_refused(value: str, name: str) -> None:
    assert f"{value} is {name}, but the names of objects begin with a small letter" in refusal(f"{value}={name}")
