"""A switch to an autoscaler leaves the number of pods as it is, with both ways in which Helm changes an object."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.cluster import Cluster, serving
from tests.chart.helm import HELMS, NAME, NEEDS_HELM, numbers, values

LABEL = "mnist-inference/replicas"
COMPONENTS = {"api": "api.autoscaling.enabled", "worker-mnist": "autoscaling.enabled"}
pytestmark = [
    NEEDS_HELM,
    pytest.mark.parametrize("program", HELMS or ["helm"]),
    pytest.mark.parametrize("component", COMPONENTS),
]

HAS_REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": {}}}
HAS_NONE: dict[str, Any] = {"f:spec": {"f:selector": {}, "f:template": {}}}


def wrote(fields: dict[str, Any], manager: str = "helm", operation: str = "Apply") -> dict[str, Any]:
    """Return the entry of `managedFields` with the fields that a manager owns."""
    return {"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": fields}


AUTOSCALER = wrote({"f:spec": {"f:replicas": {}}}, "kube-controller-manager", "Update") | {"subresource": "scale"}
PATCHED = wrote(HAS_NONE, operation="Update")
RESTARTER = wrote({"f:spec": {"f:template": {"f:metadata": {}}}}, "restarter")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with serving() as found:
        yield found


def put(cluster: Cluster, component: str, replicas: int, *managers: dict[str, Any], labels: dict[str, str]) -> None:
    metadata = {"managedFields": list(managers), "labels": labels}
    cluster.put("Deployment", f"{NAME}-{component}", metadata=metadata, spec={"replicas": replicas})


def rendered(cluster: Cluster, component: str, program: str, *arguments: str) -> tuple[int | None, bool]:
    """Return the number of pods in the manifest, and whether the label tells of it."""
    on = values(f"{COMPONENTS[component]}=true")
    deployment = cluster.objects(*on, *arguments, program=program)["Deployment", component]
    return deployment["spec"].get("replicas"), LABEL in deployment["metadata"]["labels"]


def test_a_new_deployment_is_left_to_the_autoscaler(cluster: Cluster, component: str, program: str) -> None:
    assert rendered(cluster, component, program) == (None, False)


@pytest.mark.parametrize("replicas", [0, 3])
def test_the_number_stays_as_long_as_helm_owns_it(
    cluster: Cluster, component: str, program: str, replicas: int
) -> None:
    """Without it, server-side apply would remove the field, and Kubernetes would fall back to one pod."""
    put(cluster, component, replicas, wrote(HAS_REPLICAS), PATCHED, labels={LABEL: "from-chart"})

    assert rendered(cluster, component, program) == (replicas, True)


def test_the_number_goes_once_the_autoscaler_owns_it(cluster: Cluster, component: str, program: str) -> None:
    """With it, server-side apply would be refused as soon as the autoscaler changes it again."""
    put(cluster, component, 5, wrote(HAS_NONE), AUTOSCALER, labels={LABEL: "from-chart"})

    assert rendered(cluster, component, program) == (None, False)


def test_the_number_stays_for_good_where_helm_sends_patches(cluster: Cluster, component: str, program: str) -> None:
    """A field that leaves the manifest is set to null, whoever owns it."""
    put(cluster, component, 5, PATCHED, AUTOSCALER, labels={LABEL: "from-chart"})

    assert rendered(cluster, component, program) == (5, True)


def test_the_number_stays_where_another_program_applies_a_part_of_the_deployment(
    cluster: Cluster, component: str, program: str
) -> None:
    """Such as an annotation, by server-side apply: Helm still sends patches."""
    put(cluster, component, 5, PATCHED, AUTOSCALER, RESTARTER, labels={LABEL: "from-chart"})

    assert rendered(cluster, component, program) == (5, True)


def test_a_number_that_never_stood_in_the_manifest_stays_out_of_it(
    cluster: Cluster, component: str, program: str
) -> None:
    put(cluster, component, 5, PATCHED, AUTOSCALER, labels={})

    assert rendered(cluster, component, program) == (None, False)


def test_without_an_autoscaler_the_values_say_how_many_there_are(
    cluster: Cluster, component: str, program: str
) -> None:
    put(cluster, component, 5, wrote(HAS_NONE), AUTOSCALER, labels={})
    off = values(f"{COMPONENTS[component]}=false") + numbers("api.replicas=3", "worker.replicas=3")

    assert rendered(cluster, component, program, *off) == (3, True)
