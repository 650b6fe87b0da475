"""A rollout ends when it should, and nothing stands in the way of a node's drain."""

import pytest

from tests.chart.helm import CHART, NEEDS_HELM, Object, container_of, one, pod_of, values

pytestmark = NEEDS_HELM
LONG_JOBS = ("--values", str(CHART.parents[1] / "keda/profiles/long-jobs.yaml"))
PRODUCTION = ("--values", str(CHART / "values-production.yaml"))
NODE_AND_IMAGE_S = 300


def seconds_until_the_next_pod_is_ready(deployment: Object) -> int:
    """Return the longest time of a drain and a start."""
    startup = container_of(deployment)["startupProbe"]
    drain_s: int = pod_of(deployment)["terminationGracePeriodSeconds"]
    return drain_s + int(startup["periodSeconds"] * startup["failureThreshold"])


@pytest.mark.parametrize("arguments", [(), LONG_JOBS], ids=["default", "long-jobs"])
def test_a_rollout_of_slow_workers_is_not_reported_as_failed(arguments: tuple[str, ...]) -> None:
    worker = one("Deployment", "worker-mnist", *arguments)

    expected = seconds_until_the_next_pod_is_ready(worker) + NODE_AND_IMAGE_S
    assert worker["spec"]["progressDeadlineSeconds"] == expected


def test_each_pool_has_the_deadline_of_its_own_start() -> None:
    slow = values("models.mnist.pools.slow.startupSeconds=7200")
    default, other = one("Deployment", "worker-mnist", *slow), one("Deployment", "worker-mnist-slow", *slow)

    assert other["spec"]["progressDeadlineSeconds"] - default["spec"]["progressDeadlineSeconds"] == 7200 - 300


def test_the_usual_deadline_is_enough_for_the_api() -> None:
    """Kubernetes' default is 600 s."""
    api = one("Deployment", "api")

    assert "progressDeadlineSeconds" not in api["spec"]
    assert seconds_until_the_next_pod_is_ready(api) + NODE_AND_IMAGE_S <= 600


def test_an_unready_api_pod_does_not_block_the_drain_of_its_node() -> None:
    spec = one("PodDisruptionBudget", "api", *PRODUCTION)["spec"]

    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_an_unready_rabbitmq_node_is_evicted_only_if_the_others_are_well() -> None:
    assert "unhealthyPodEvictionPolicy" not in one("PodDisruptionBudget", "rabbitmq", *PRODUCTION)["spec"]
