"""Workers that go while they are busy."""

from tests.e2e import cluster, release
from tests.e2e.system import System
from tests.e2e.traffic import assert_answered_right, submit, wait_for

JOBS = 12
SECONDS_PER_JOB = 1.0


def test_a_busy_worker_that_is_deleted_finishes_what_it_runs_and_hands_back_the_rest(idle: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    jobs = submit(JOBS)
    worker = idle.wait_for_busy_worker()

    idle.delete_pod(worker.metadata.name)

    assert_answered_right(jobs)
    assert idle.worker_metric("mnist_solo_runs_total") == 0, "what a drained worker hands back is nobody's fault"


def test_a_busy_worker_that_is_killed_loses_nothing(idle: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    jobs = submit(JOBS)
    worker = idle.wait_for_busy_worker()

    cluster.kill_hard(worker.status.container_statuses[0].container_id)

    assert_answered_right(jobs)
    # It was killed while it ran something; the one that ran that again may have to become ready yet.
    wait_for("a suspect that ran alone", lambda: idle.worker_metric("mnist_solo_runs_total") > 0, 15)
