"""`make chaos`: every fault under load, at every length and load, the cases, the overload, the soak and the rest.

    make chaos                                          # everything, about 75 minutes; writes docs/reliability.md
    make chaos ARGS="--only worker-killed soak"         # some of it; the other rows of the page stay
    make chaos ARGS="--only lengths-api-frozen --jobs 1000 --seed 7"
    make chaos ARGS=--page                              # none of it: writes the page anew from what is there

It starts its own servers on free ports of 127.0.0.1 and ends them, also when it is interrupted.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from subprocess import SubprocessError

import httpx
from pika.exceptions import AMQPError
from redis.exceptions import RedisError
from tqdm import tqdm

from chaos.cases.case import Case, CaseVerdict
from chaos.cases.order import CASES
from chaos.durability import ADVISED, run_durability
from chaos.endurance import Endurance
from chaos.faults import Fault
from chaos.hostile import PICTURES, run_hostile
from chaos.load.digits import digits
from chaos.load.voices import voices
from chaos.load.workload import Workload
from chaos.matrix import KINDS, run_kind
from chaos.overload import run_overload
from chaos.report.charts import draw_overload, draw_soak
from chaos.report.evidence import Evidence
from chaos.report.page import render
from chaos.schedule import FAULTS, mixed
from chaos.soak import run_soak
from chaos.trial import run_trial
from tests.support.deployment import ROOT
from tests.support.environment import environment
from tests.support.servers import running_servers

JOBS = 10_000
SOAK_S = 600.0
MIXED_ROUNDS = 2
PAGE = ROOT / "docs" / "reliability.md"
DRAWINGS = ROOT / "docs" / "pictures"

#: How a trial may end that could not be carried through.
BROKEN_OFF = (OSError, RuntimeError, ExceptionGroup, SubprocessError, AMQPError, RedisError, httpx.HTTPError)

Trial = Callable[[Path], list[str]]


class Chaos:
    """The trials by name; each measures, keeps its evidence and returns what does not hold."""

    def __init__(self, evidence: Evidence, workload: Workload, *, seed: int, soak_s: float) -> None:
        self._evidence = evidence
        self._workload = workload
        self._seed = seed
        self._soak_s = soak_s

    def trials(self) -> dict[str, Trial]:
        """Return all of them, in the order of the page."""
        faults = (*FAULTS, mixed(MIXED_ROUNDS, self._seed))
        return {
            **{fault.name: partial(self._fault, fault) for fault in faults},
            **{f"lengths-{kind.name}": partial(self._lengths, kind) for kind in KINDS},
            **{case.name: partial(self._case, case) for case in CASES},
            "durability": self._durability,
            "overload": self._overload,
            "soak": self._soak,
            "hostile": self._hostile,
        }

    def _fault(self, fault: Fault, scratch: Path) -> list[str]:
        # A sound takes the CPU several times as long as a picture.
        workload = voices(len(self._workload) // 4, scratch) if fault.model == "voice" else self._workload
        verdict = asyncio.run(run_trial(fault, workload, scratch, seed=self._seed))
        problems = [*verdict.problems, *verdict.shortfalls]
        self._evidence.put_row("faults", {**asdict(verdict), "problems": problems}, keys=("name",))
        return [] if fault.expected else problems

    def _lengths(self, kind: Fault, scratch: Path) -> list[str]:
        def keep(row: Endurance) -> None:
            self._evidence.put_row("lengths", row.as_json(), keys=("name", "level"))

        rows = asyncio.run(run_kind(kind, self._workload, scratch, seed=self._seed, keep=keep))
        return [f"{row.level}: {problem}" for row in rows for problem in row.problems]

    def _case(self, case: Case, scratch: Path) -> list[str]:
        verdict = CaseVerdict.of(case, asyncio.run(case.run(scratch, self._workload)))
        self._evidence.put_row("cases", asdict(verdict), keys=("name",))
        return verdict.problems

    def _durability(self, scratch: Path) -> list[str]:
        losses = asyncio.run(run_durability(scratch, self._workload))
        for loss in losses:
            self._evidence.put_row("durability", asdict(loss), keys=("appendfsync", "end"))
        return [f"{loss.lost} lost, {loss.end}" for loss in losses if loss.lost and loss.appendfsync == ADVISED]

    def _overload(self, scratch: Path) -> list[str]:
        overload = asyncio.run(run_overload(scratch, self._workload))
        measured = asdict(overload)
        self._evidence.put("overload", measured)
        draw_overload(measured, DRAWINGS / "overload.svg")
        lost = sum(step.lost for step in overload.steps)
        return [*overload.complaints, *([f"{lost} lost"] if lost else [])]

    def _soak(self, scratch: Path) -> list[str]:
        soak = asyncio.run(run_soak(scratch, self._workload, self._soak_s))
        self._evidence.put("soak", soak.as_json())
        draw_soak(soak.samples, DRAWINGS / "soak.svg")
        return [*soak.complaints, *([f"{soak.lost} lost"] if soak.lost else [])]

    def _hostile(self, scratch: Path) -> list[str]:
        hostile = run_hostile(scratch, pictures=PICTURES, seed=self._seed)
        self._evidence.put("hostile", asdict(hostile))
        return [f"{hostile.crashes} crashes"] if hostile.crashes else []


def main() -> None:
    """Run the trials that are asked for; the exit status is 1 when something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="TRIAL", help="names; a wrong one lists them all")
    parser.add_argument("--jobs", type=int, default=JOBS, help="jobs a fault")
    parser.add_argument("--soak-s", type=float, default=SOAK_S, help="seconds of the soak")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random")
    parser.add_argument("--page", action="store_true", help="measure nothing, only write the page")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the end of this is the end of its servers too
    evidence = Evidence.load()
    if options.page:
        PAGE.write_text(render(evidence.sections))
        return
    trials = Chaos(evidence, digits(options.jobs), seed=options.seed, soak_s=options.soak_s).trials()
    chosen = options.only or list(trials)
    if unknown := set(chosen) - set(trials):
        parser.error(f"no such trial: {', '.join(sorted(unknown))}; there are {', '.join(trials)}")
    problems = {name: run_one(name, trials[name]) for name in tqdm(chosen, desc="trials", unit="trial")}
    evidence.put("environment", versions())
    PAGE.write_text(render(evidence.sections))
    for name, sentences in problems.items():
        for sentence in sentences:
            sys.stdout.write(f"{name}: {sentence}\n")
    sys.exit(any(problems.values()))


def run_one(name: str, trial: Trial) -> list[str]:
    """Run a trial in a directory of its own; return what does not hold."""
    with tempfile.TemporaryDirectory(prefix=f"chaos-{name}-", ignore_cleanup_errors=True) as scratch:
        try:
            return trial(Path(scratch))
        except BROKEN_OFF as error:  # the other trials still count
            return [f"the trial broke off: {error!r}"]


def versions() -> dict[str, str]:
    """Return the machine and the versions of servers and packages."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, running_servers(Path(scratch)) as servers:
        rabbitmq, redis = servers
        return environment({"RabbitMQ": rabbitmq.version(), "Redis": redis.version()})


if __name__ == "__main__":
    main()
