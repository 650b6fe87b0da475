"""The chart as a dependency of somebody else's chart."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.helm import CHART, HELMS, KUBERNETES, NEEDS_HELM, Object, helm

pytestmark = [NEEDS_HELM, pytest.mark.parametrize("program", HELMS or ["helm"])]
DEPENDENCY = {"name": "mnist-inference", "version": "*", "repository": f"file://{CHART}"}
CONDITION = {"condition": "mnist-inference.enabled"}

Umbrella = Callable[[list[dict[str, Any]], dict[str, Any]], subprocess.CompletedProcess[str]]


@pytest.fixture
def umbrella(tmp_path: Path, program: str) -> Umbrella:
    """Return a function that renders a chart with these dependencies and values."""

    def render(dependencies: list[dict[str, Any]], values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        chart = {"apiVersion": "v2", "name": "shop", "version": "1.0.0", "dependencies": dependencies}
        (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(chart))
        registry = {"global": {"imageRegistry": "registry.example.org"}}
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(registry | values))
        built = helm("dependency", "update", "--skip-refresh", str(tmp_path), program=program)
        assert built.returncode == 0, built.stderr
        return helm("template", "shop", str(tmp_path), "--kube-version", KUBERNETES, program=program)

    return render


def objects_of(rendered: subprocess.CompletedProcess[str]) -> list[Object]:
    assert rendered.returncode == 0, rendered.stderr
    return [found for found in yaml.safe_load_all(rendered.stdout) if found]


def images_of(rendered: subprocess.CompletedProcess[str]) -> set[str]:
    makers = [found for found in objects_of(rendered) if "template" in found.get("spec", {})]
    return {container["image"] for found in makers for container in found["spec"]["template"]["spec"]["containers"]}


@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_condition_switches_it_on_and_off(umbrella: Umbrella, is_enabled: bool) -> None:
    rendered = umbrella([DEPENDENCY | CONDITION], {"mnist-inference": {"enabled": is_enabled}})

    assert bool(objects_of(rendered)) is is_enabled


@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_tag_switches_it_on_and_off(umbrella: Umbrella, is_enabled: bool) -> None:
    rendered = umbrella([DEPENDENCY | {"tags": ["inference"]}], {"tags": {"inference": is_enabled}})

    assert bool(objects_of(rendered)) is is_enabled


def test_the_values_of_a_chart_with_tags_are_taken_alone(program: str) -> None:
    rendered = helm(
        "template", "shop", str(CHART), "--kube-version", KUBERNETES, "--set", "tags.inference=true", program=program
    )

    assert rendered.returncode == 0, rendered.stderr


def test_a_registry_for_all_charts_is_taken(umbrella: Umbrella) -> None:
    rendered = umbrella([DEPENDENCY], {"global": {"imageRegistry": "registry.example.org", "storageClass": "fast"}})

    assert {image.partition("/")[0] for image in images_of(rendered)} == {"registry.example.org"}


def test_two_aliases_of_it_share_no_object_and_no_selector(umbrella: Umbrella) -> None:
    aliases = [DEPENDENCY | {"alias": alias, "condition": f"{alias}.enabled"} for alias in ("day", "night")]

    found = objects_of(
        umbrella(aliases, {"day": {"enabled": True}, "night": {"enabled": True, "api": {"replicas": 5}}})
    )

    names = [(one["kind"], one["metadata"]["name"]) for one in found]
    deployments = {one["metadata"]["name"]: one["spec"] for one in found if one["kind"] == "Deployment"}
    assert len(set(names)) == len(names)
    assert (deployments["shop-day-api"]["replicas"], deployments["shop-night-api"]["replicas"]) == (2, 5)
    assert deployments["shop-day-api"]["selector"] != deployments["shop-night-api"]["selector"]


@pytest.mark.parametrize("alias", ["digitReader", "digit_reader"])
def test_an_alias_of_any_spelling_gives_names_that_a_service_may_have(umbrella: Umbrella, alias: str) -> None:
    names = {found["metadata"]["name"] for found in objects_of(umbrella([DEPENDENCY | {"alias": alias}], {}))}

    assert not [name for name in names if not re.fullmatch("[a-z][a-z0-9-]*[a-z0-9]", name)]


def test_null_in_a_file_of_values_removes_a_model(umbrella: Umbrella, tmp_path: Path, program: str) -> None:
    spec = {"name": "ships", "version": 1, "queue_prefix": "ships", "max_body_bytes": 1024}
    models = {"mnist": None, "ships": {"spec": spec, "worker": {"image": {"repository": "ships"}}}}
    umbrella([DEPENDENCY], {})
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"mnist-inference": {"defaultModel": None, "models": models}}))
    mine = ("--kube-version", KUBERNETES, "--values", str(tmp_path / "mine.yaml"))

    found = objects_of(helm("template", "shop", str(tmp_path), *mine, program=program))

    names = {one["metadata"]["name"] for one in found if one["kind"] == "Deployment"}
    assert names == {"shop-mnist-inference-api", "shop-mnist-inference-worker-ships"}


def test_a_value_with_a_wrong_name_is_still_refused(umbrella: Umbrella) -> None:
    rendered = umbrella([DEPENDENCY | CONDITION], {"mnist-inference": {"enabled": True, "enable": True}})

    assert rendered.returncode != 0
    assert "enable" in rendered.stderr
