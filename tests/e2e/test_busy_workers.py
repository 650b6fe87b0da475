"""Workers that end while they are busy."""

from tests.e2e import cluster, release
from tests.e2e.catching import catch_in_forward_pass, read_container_id
from tests.e2e.system import System
from tests.e2e.traffic import assert_answered_right, submit
from tests.support.waiting import wait_for

JOBS = 12
SECONDS_PER_JOB = 1.0


def test_a_busy_worker_that_is_deleted_finishes_what_it_runs_and_hands_back_the_rest(idle: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    jobs = submit(JOBS)
    with catch_in_forward_pass(idle) as worker:
        idle.delete_pod(worker.metadata.name)

    assert_answered_right(jobs)
    assert idle.sum_worker_metric("inference_solo_runs_total") == 0, (
        "what a drained worker hands back is nobody's fault"
    )


def test_a_busy_worker_that_is_killed_loses_nothing(idle: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    jobs = submit(JOBS)
    with catch_in_forward_pass(idle) as worker:
        suspects = idle.count_jobs_on_device(worker)
        cluster.kill_hard(read_container_id(worker))
    idle.wait_for_restart(worker)

    assert_answered_right(jobs)
    wait_for(
        f"{suspects} or more suspects that ran alone",
        # The jobs that it held ready are suspects too; their number is not fixed.
        lambda: idle.sum_worker_metric("inference_solo_runs_total") >= suspects,
        60,
    )
