"""The small version of `make chaos`: a few faults of any length, one after the other, under a thousand jobs."""

import os
from pathlib import Path
from random import Random

import pytest

from chaos.cases.webhooks import webhooks
from chaos.load.digits import digits
from chaos.schedule import quick
from chaos.trial import run_trial

JOBS = 1_000
WEBHOOKS = 500
#: Of the senders: shorter than in production, because each kill of a sender costs a lease.
QUICK = {"QUICK_LEASE_S": "15", "QUICK_DEADLINE_S": "3"}
#: Another one for each run, and the same in all processes that share the run.
SEED = Random(os.environ.get("PYTEST_XDIST_TESTRUNUID")).randrange(10_000)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [SEED])  # so that a failure names it
async def test_nothing_accepted_is_lost_whatever_fails(tmp_path: Path, seed: int) -> None:
    verdict = await run_trial(quick(seed), digits(JOBS), tmp_path, seed=seed)

    assert verdict.jobs >= JOBS
    assert verdict.problems == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [SEED])
async def test_every_finished_job_is_told_to_a_bad_endpoint_whatever_is_killed(tmp_path: Path, seed: int) -> None:
    seen = await webhooks(tmp_path, digits(WEBHOOKS), seed=seed, settings=QUICK)

    assert len(seen.ledger.results) == WEBHOOKS
    assert (seen.ledger.pending, seen.ledger.complaints, seen.problems) == ([], [], [])
