"""An autoscaler is switched on and off as docs/operations.md says, and no pod goes."""

from tests.e2e import cluster, release
from tests.e2e.command import run
from tests.e2e.system import System
from tests.e2e.traffic import assert_answered_right, submit
from tests.support.waiting import wait_for

MORE_THAN_BEFORE = 3
#: Without metrics an HPA still keeps to its least number.
ON = ("--set", f"api.autoscaling.enabled=true,api.autoscaling.minReplicas={MORE_THAN_BEFORE}")
TAKE_BACK = "--force-conflicts"


def test_the_api_keeps_its_pods_when_its_autoscaler_comes_and_goes(idle: System) -> None:
    before = pods_of(idle, "api")
    try:
        release.upgrade(*ON)
        wait_for("one more pod", lambda: len(pods_of(idle, "api")) == MORE_THAN_BEFORE, 60)
        release.upgrade(*ON)
        after_the_autoscaler_owns_the_number = pods_of(idle, "api")
        kubectl("delete", "hpa", f"{release.FULLNAME}-api")
        release.install(TAKE_BACK, "--set", f"api.replicas={MORE_THAN_BEFORE}")

        assert before < after_the_autoscaler_owns_the_number == pods_of(idle, "api")
    finally:
        release.install(TAKE_BACK)


def test_busy_workers_stay_when_keda_goes_and_comes(idle: System) -> None:
    release.set_seconds_per_job(1.0)
    jobs = submit(100)
    idle.wait_for_workers(cluster.GPUS)
    wait_for("all workers are asked for", lambda: idle.count_wanted_workers() == release.MAX_REPLICAS, 60)
    before = pods_of(idle, "worker")
    try:
        kubectl("delete", "scaledobject", f"{release.FULLNAME}-worker-mnist")
        release.upgrade(TAKE_BACK, "--set", f"autoscaling.enabled=false,worker.replicas={release.MAX_REPLICAS}")
        without_keda = pods_of(idle, "worker")
    finally:
        release.upgrade()

    assert before == without_keda == pods_of(idle, "worker")
    assert_answered_right(jobs)


def pods_of(system: System, component: str) -> set[str]:
    return {pod.metadata.uid for pod in system.list_pods(component)}


def kubectl(*arguments: str) -> None:
    run("kubectl", "--namespace", release.NAMESPACE, *arguments)
