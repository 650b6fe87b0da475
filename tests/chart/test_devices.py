"""GPUs by a claim, and pools that may be off."""

import pytest

from tests.chart.helm import (
    HELMS,
    NEEDS_HELM,
    container_of,
    environment_of,
    numbers,
    objects,
    one,
    pod_of,
    refusal,
    values,
)

pytestmark = NEEDS_HELM
CLAIM = [{"name": "gpu", "resourceClaimTemplateName": "one-gpu"}]
CLAIMED = numbers(
    'worker.resourceClaims=[{"name":"gpu","resourceClaimTemplateName":"one-gpu"}]',
    'worker.resources.claims=[{"name":"gpu"}]',
    "worker.gpu.count=0",
)
BOTH_HELMS = pytest.mark.parametrize("program", HELMS or ["helm"])


def test_a_worker_may_claim_its_gpu() -> None:
    worker = one("Deployment", "worker-mnist", *CLAIMED)

    resources = container_of(worker)["resources"]
    assert pod_of(worker)["resourceClaims"] == CLAIM
    assert resources["claims"] == [{"name": "gpu"}]
    assert set(resources["limits"]) == {"memory"}


def test_a_worker_that_claims_a_gpu_refuses_to_start_without() -> None:
    assert environment_of(one("Deployment", "worker-mnist", *CLAIMED))["INFERENCE_REQUIRE_GPU"] == "true"
    pretended = (*CLAIMED, *values("worker.settings.INFERENCE_REQUIRE_GPU=false"))
    assert environment_of(one("Deployment", "worker-mnist", *pretended))["INFERENCE_REQUIRE_GPU"] == "false"


def test_a_wrong_claim_is_refused_by_name() -> None:
    assert "/worker/resourceClaims/0" in refusal("worker.resourceClaims[0].template=x")
    assert "/worker/resources/claims/0" in refusal("worker.resources.claims[0].names=x")


def test_a_claim_that_comes_from_nowhere_is_refused() -> None:
    assert "models.mnist has the claim gpu in worker.resources.claims" in refusal("worker.resources.claims[0].name=gpu")


def test_a_pool_may_set_its_limits_alone() -> None:
    large = numbers('models.mnist.pools.large={"resources":{"limits":{"memory":"16Gi"}}}')

    default, other = (
        container_of(one("Deployment", name, *large))["resources"] for name in ("worker-mnist", "worker-mnist-large")
    )
    assert other["limits"]["memory"] == "16Gi"
    assert other["requests"] == default["requests"]


@BOTH_HELMS
def test_the_first_pool_can_be_off(program: str) -> None:
    spot = numbers('models.mnist.pools={"default":null,"spot":{}}')

    made = {
        o["metadata"]["name"] for o in objects(*spot, program=program) if o["kind"] in ("Deployment", "ScaledObject")
    }
    assert {name.rpartition("inference-")[2] for name in made} == {"api", "worker-mnist-spot"}


@BOTH_HELMS
def test_a_model_needs_a_pool(program: str) -> None:
    assert "models.mnist.pools.default is null" in refusal("models.mnist.pools.default=null", program=program)
