"""The small version of `make chaos`: a few faults, one after the other, under a thousand jobs."""

from pathlib import Path

import pytest

from tests.chaos.schedule import quick
from tests.chaos.trial import run_trial
from tests.chaos.workload import Workload

JOBS = 1_000
SEED = 1


@pytest.mark.timeout(300)
async def test_nothing_accepted_is_lost_whatever_fails(tmp_path: Path) -> None:
    verdict = await run_trial(quick(SEED), Workload.of(JOBS), tmp_path, seed=SEED)

    assert verdict.jobs >= JOBS
    assert verdict.problems == []
