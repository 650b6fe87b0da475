"""Every image of ours has a registry in its name: without one, anybody may own the name on Docker Hub."""

import re

import pytest
import yaml

from tests.chart.helm import CHART, NEEDS_HELM, container_of, one, refusal, values, workloads
from tests.support.deployment import ROOT, VERSION

pytestmark = NEEDS_HELM
KIND = ("--values", str(CHART / "values-kind.yaml"))
OWN = ("mnist-inference/api", "mnist-inference/worker")


def images_of(*arguments: str) -> set[str]:
    """Return the images of the API and of the workers."""
    images = {
        container_of(found)["image"] for found in workloads(*arguments, where=lambda o: o["kind"] != "StatefulSet")
    }
    return {str(image) for image in images}


@pytest.mark.parametrize(
    ("registry", "remedy"),
    [
        pytest.param("api.image.registry=", "api.image.registry", id="none"),
        pytest.param("worker.image.registry=", "worker.image.registry", id="none of the worker"),
        pytest.param("api.image.registry=mine", "api.image.registry", id="a name of Docker Hub"),
        pytest.param("models.mnist.pools.spot.image.registry=", "worker.image.registry", id="none of a pool"),
    ],
)
def test_an_image_without_a_registry_is_refused(registry: str, remedy: str) -> None:
    message = refusal(registry)

    assert "has no registry, and anybody may own it on Docker Hub" in message
    assert f"set global.imageRegistry or {remedy}" in message


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(("global.imageRegistry=registry.example.org:5000",), id="one for all images"),
        pytest.param(("api.image.registry=localhost", "worker.image.registry=localhost"), id="this machine"),
        pytest.param(
            ("api.image.repository=ghcr.io/mine/api", "worker.image.repository=ghcr.io/mine/worker"), id="a whole name"
        ),
    ],
)
def test_a_registry_may_stand_in_three_places(settings: tuple[str, ...]) -> None:
    none = values("api.image.registry=", "worker.image.registry=")

    assert all(re.match(r"[^/]*[.:][^/]*/|localhost/", image) for image in images_of(*none, *values(*settings)))


def test_the_servers_keep_their_names_on_docker_hub() -> None:
    assert container_of(one("StatefulSet", "redis"))["image"] == "redis:8"


def test_a_kind_cluster_runs_what_docker_compose_builds() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]

    assert images_of(*KIND) == {services["api"]["image"], services["worker"]["image"]}
    assert images_of(*KIND) == {f"localhost/{own}:{VERSION}" for own in OWN}


def test_the_readme_loads_the_images_that_the_chart_runs_in_kind() -> None:
    loaded = re.search(r"kind load docker-image (.*)", (ROOT / "README.md").read_text())

    assert loaded is not None
    assert set(loaded[1].split()) == images_of(*KIND)


def test_skaffold_pushes_only_where_the_cluster_is_elsewhere() -> None:
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())

    assert "push" not in skaffold["build"]["local"]
    assert not [patch for profile in skaffold["profiles"] for patch in profile["patches"] if "push" in patch["path"]]


def test_skaffold_gives_the_chart_the_whole_name_of_each_image() -> None:
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    (release,) = skaffold["deploy"]["helm"]["releases"]
    named = set(re.findall(r"\.IMAGE_[A-Z_]+_(localhost_\w+)", str(release["setValueTemplates"])))

    assert named == {re.sub(r"\W", "_", artifact["image"]) for artifact in skaffold["build"]["artifacts"]}
