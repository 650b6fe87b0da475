"""KEDA, the API and the workers trust the private CA of a RabbitMQ of somebody else."""

import pytest

from tests.chart.helm import NAME, NEEDS_HELM, container_of, environment_of, kinds, objects, one, pod_of, values

pytestmark = NEEDS_HELM
EXTERNAL = (
    "rabbitmq.enabled=false",
    "externalRabbitmq.existingSecret=broker",
    "externalRabbitmq.managementUrl=https://rabbitmq.example.org:15671/",
)
PRIVATE = values(*EXTERNAL, "ca.existingSecret=authority", "ca.key=root.pem", "models.mnist.pools.spot.replicas=1")


def references(*arguments: str) -> dict[str, str]:
    """Return what KEDA reads: `secret/key` of each parameter."""
    found = one("TriggerAuthentication", "worker", *arguments)["spec"]["secretTargetRef"]
    return {one["parameter"]: f"{one['name']}/{one['key']}" for one in found}


def test_keda_gets_the_ca_and_is_told_to_use_it() -> None:
    found = references(*PRIVATE)

    assert found["ca"] == "authority/root.pem"
    assert found["tls"] == f"{NAME}-worker-autoscaler/rabbitmq-autoscaler-tls"
    assert one("Secret", "worker-autoscaler", *PRIVATE)["stringData"] == {"rabbitmq-autoscaler-tls": "enable"}


def test_every_trigger_of_every_pool_uses_it() -> None:
    scaled = [found for found in objects(*PRIVATE) if found["kind"] == "ScaledObject"]
    triggers = [trigger for found in scaled for trigger in found["spec"]["triggers"]]

    assert len(scaled) == 2
    assert {trigger["authenticationRef"]["name"] for trigger in triggers} == {f"{NAME}-worker"}
    assert {trigger["metadata"]["host"] for trigger in triggers} == {"https://rabbitmq.example.org:15671/"}


@pytest.mark.parametrize("component", ["api", "worker-mnist", "worker-mnist-spot"])
def test_the_api_and_every_worker_get_it(component: str) -> None:
    deployment = one("Deployment", component, *PRIVATE)
    mounts = {mount["name"]: mount["mountPath"] for mount in container_of(deployment)["volumeMounts"]}

    assert environment_of(deployment)["INFERENCE_CA_FILE"] == f"{mounts['ca']}/root.pem"
    [volume] = [volume for volume in pod_of(deployment)["volumes"] if volume["name"] == "ca"]
    assert volume["secret"]["secretName"] == "authority"


@pytest.mark.parametrize(
    "settings",
    [
        EXTERNAL,
        ("ca.existingSecret=authority",),
        (*EXTERNAL[:2], "externalRabbitmq.managementUrl=http://rabbitmq:15672/", "ca.existingSecret=authority"),
    ],
    ids=["a public CA", "the chart's own RabbitMQ", "plain HTTP"],
)
def test_without_a_private_ca_keda_is_told_nothing_of_tls(settings: tuple[str, ...]) -> None:
    assert set(references(*values(*settings))) == {"username", "password"}


def test_the_apis_figure_needs_no_ca() -> None:
    assert "TriggerAuthentication" not in kinds(*PRIVATE, *values("autoscaling.source=wait"))
