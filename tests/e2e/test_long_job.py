"""A job that takes longer than KEDA waits before it removes the last worker."""

from tests.e2e import release
from tests.e2e.system import System
from tests.e2e.traffic import assert_answered_right, submit
from tests.support.waiting import wait_for

#: Longer than autoscaling.cooldownPeriod and polling together, shorter than a hung forward pass.
SECONDS_PER_JOB = 45.0


def test_a_job_slower_than_the_cooldown_keeps_its_worker_until_its_result_exists(idle: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    jobs = submit(1)
    worker = idle.wait_for_busy_worker()

    assert_answered_right(jobs)

    assert worker.metadata.uid in {pod.metadata.uid for pod in idle.list_running_workers()}
    wait_for("one counted result", lambda: idle.sum_worker_metric("inference_results_total") == 1, 30)
