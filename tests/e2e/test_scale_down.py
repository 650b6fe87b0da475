"""From two workers to one, while one is idle and the other is busy."""

import time
from collections.abc import Iterator

import pytest

from tests.e2e import release
from tests.e2e.system import READY_TIMEOUT_S, System
from tests.e2e.traffic import assert_answered_right, submit
from tests.support.waiting import wait_for

ROUNDS = 3
#: Shorter than a hung forward pass.
SECONDS_PER_JOB = 55.0
#: With the start of the second worker, longer than the autoscaler takes to see that one worker is enough.
SECOND_JOB_AFTER_S = 25.0
#: More than the autoscaler's 15 s, so that it looks twice: the workers report after five seconds that they are idle.
WINDOW_S = 16


@pytest.fixture
def protected(system: System) -> Iterator[System]:
    """The system with `protectBusy`: its workers tell Kubernetes that they are busy."""
    protect = ("--set", f"worker.protectBusy=true,autoscaling.scaleDown.windowSeconds={WINDOW_S}")
    release.install(*release.SOURCES["wait"], *protect)
    release.set_seconds_per_job(SECONDS_PER_JOB)
    system.wait_until_idle()
    assert_answered_right(submit(1))  # now the API knows the seconds of a job
    yield system
    release.install()


def test_a_scale_down_takes_no_busy_worker_while_another_is_idle(protected: System) -> None:
    assert [keeps_the_busy_worker(protected) for _ in range(ROUNDS)] == [True] * ROUNDS


def keeps_the_busy_worker(system: System) -> bool:
    """Let two workers run a job each, the second one later; tell whether the busy one survives the scale-down."""
    system.wait_until_idle()
    jobs = submit(1)
    system.wait_for_busy_worker()
    time.sleep(SECOND_JOB_AFTER_S)
    jobs += submit(1)
    wait_for("two busy workers", lambda: len(system.list_busy_workers()) == 2, READY_TIMEOUT_S)
    wait_for("one idle worker", lambda: len(system.list_busy_workers()) == 1, READY_TIMEOUT_S)
    busy = system.list_busy_workers()[0].metadata.uid
    wait_for("one worker less", lambda: len(system.list_pods("worker")) == 1, READY_TIMEOUT_S)
    kept = system.list_pods("worker")[0].metadata.uid
    assert_answered_right(jobs)
    return bool(kept == busy)
