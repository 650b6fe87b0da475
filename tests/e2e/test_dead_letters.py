"""The runbook's commands for dead letters, as they stand: they need kubectl, no checkout and no worker."""

from collections.abc import Iterator

import pytest

from tests.e2e import release, runbook
from tests.e2e.release import RELEASE
from tests.e2e.system import System
from tests.e2e.traffic import Job, assert_answered_right, fetch_results, submit
from tests.support.waiting import wait_for

ENTRY = "InferenceDeadLetters"
#: With this time for a job, the model of the tests raises an error.
NO_TIME_S = float("nan")


def dead(command: str) -> str:
    """Run the entry, which lists the letters, and then a command; return what both print."""
    return runbook.follow(ENTRY, RELEASE, then=f"dead {command}")


@pytest.fixture
def failed(idle: System) -> Iterator[list[Job]]:
    """Two jobs that have become dead letters, and no worker any more."""
    release.set_seconds_per_job(NO_TIME_S)
    jobs = submit(2)
    assert [result["error"]["code"] for result in fetch_results(jobs)] == ["prediction_failed"] * 2
    wait_for("two dead letters", lambda: idle.count_queued()["mnist.dead"] == 2, 60)
    release.set_seconds_per_job(0)
    wait_for("no worker", lambda: not idle.list_pods("worker"), 180)
    yield jobs
    dead("purge")


def test_dead_letters_are_listed_shown_replayed_and_purged_without_a_worker(failed: list[Job], idle: System) -> None:
    first, second = failed

    listed = runbook.follow(ENTRY, RELEASE)
    shown = dead(f"show {first.inference_id}")
    replayed = dead(f"replay {first.inference_id}")
    assert_answered_right([first])
    purged = dead("purge")

    assert {first.inference_id, second.inference_id} <= set(listed.split())
    assert listed.endswith("2 dead letters\n")
    assert '"code": "prediction_failed"' in shown
    assert f"{first.inference_id}: replayed" in replayed
    assert purged.endswith("deleted 1 dead letter\n")
    assert idle.count_queued()["mnist.dead"] == 0
