"""One kind of fault at one load: at every length in turn, in one system that lives through all of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from chaos.faults import Fault
from chaos.load.ledger import Ledger
from chaos.load.levels import Level
from chaos.load.load import Load
from chaos.load.workload import Workload
from chaos.recovery import BOUND_S, recover
from chaos.system.system import System
from chaos.trial import until_done

LENGTHS_S = (1.0, 3.0, 5.0, 6.0, 8.0, 15.0)
#: Lengths at random, beyond the list above.
RANDOM_LENGTHS = 1
SHORTEST_S, LONGEST_S = 0.5, 12.0
#: Load before a fault.
MARGIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Spell:
    """One fault of one length.

    Attributes:
        length_s: of the fault.
        recovery_s: until every process was ready and a picture was answered through it; without the stuck ones.
        stuck: names of the processes that did not recover within the bound.
        checked: how many processes there were.
    """

    length_s: float
    recovery_s: float
    stuck: list[str]
    checked: int


@dataclass(frozen=True, slots=True)
class Endurance:
    """The findings of a whole row.

    Attributes:
        name: the fault's.
        title: the fault's.
        level: the load's name.
        offered_per_s: submissions per second.
        spells: in the order in which they came.
        jobs: accepted.
        lost: of them, without a result though nothing is under way any more.
        contradicting: of them, answered in two ways.
        wrong: of them, not the model's own answer.
        refused: requests that were answered with 429 or 503.
        deaths: processes of ours that ended, those aside that were ended because they were stuck.
        complaints: events that may never happen.
        date: when, ISO 8601.
    """

    name: str
    title: str
    level: str
    offered_per_s: float
    spells: list[Spell]
    jobs: int
    lost: int
    contradicting: int
    wrong: int
    refused: int
    deaths: int
    complaints: list[str]
    date: str

    @property
    def stuck(self) -> int:
        """How many times a process did not recover."""
        return sum(len(spell.stuck) for spell in self.spells)

    @property
    def worst(self) -> Spell:
        """The spell with the most stuck processes, and among equals the slowest recovery."""
        return max(self.spells, key=lambda spell: (len(spell.stuck), spell.recovery_s))

    @property
    def problems(self) -> list[str]:
        """The problems, one sentence each."""
        problems = list(self.complaints)
        if self.lost or self.contradicting or self.wrong:
            problems.append(f"{self.lost} lost, {self.contradicting} contradicting, {self.wrong} wrong")
        if self.deaths:
            problems.append(f"{self.deaths} processes ended by themselves")
        problems += [
            f"{', '.join(spell.stuck)} stuck, {BOUND_S:g} s after {spell.length_s:g} s"
            for spell in self.spells
            if spell.stuck
        ]
        return problems

    def as_json(self) -> dict[str, Any]:
        """Return the row of the evidence."""
        worst = {"stuck": self.stuck, "worst_recovery_s": self.worst.recovery_s, "worst_length_s": self.worst.length_s}
        return {**asdict(self), **worst, "problems": self.problems}


def lengths_s(generator: Random) -> list[float]:
    """Return every length once and some at random, in random order, so that each outage meets the traces of another."""
    drawn = [round(generator.uniform(SHORTEST_S, LONGEST_S), 1) for _ in range(RANDOM_LENGTHS)]
    lengths = [*LENGTHS_S, *drawn]
    generator.shuffle(lengths)
    return lengths


async def endure(
    fault: Fault, level: Level, system: System, workload: Workload, *, lengths: Sequence[float], generator: Random
) -> Endurance:
    """Inject the fault at each length, recovered from in between, and judge all that was accepted meanwhile."""
    ledger, restarts = Ledger(workload), system.supervisor.restarts
    async with loaded(system, ledger, level.rate_per_s) as load:
        spells = [await _spell(fault, level, system, load, length_s, generator) for length_s in lengths]
    stuck = sum(len(spell.stuck) for spell in spells)
    return Endurance(
        name=fault.name,
        title=fault.title,
        level=level.value,
        offered_per_s=level.rate_per_s,
        spells=spells,
        jobs=len(ledger.accepted),
        lost=len(ledger.pending),
        contradicting=len(ledger.contradicting),
        wrong=len(ledger.wrong),
        refused=ledger.statuses[429] + ledger.statuses[503],
        deaths=system.supervisor.restarts - restarts - stuck,
        complaints=ledger.complaints,
        date=datetime.now(UTC).date().isoformat(),
    )


@asynccontextmanager
async def loaded(system: System, ledger: Ledger, rate_per_s: float) -> AsyncIterator[Load]:
    """Offer jobs and fetch results while this is entered; then wait until all is answered and read it once more."""
    load, stop = Load(system.api_ports, ledger), asyncio.Event()
    fetching = asyncio.create_task(load.fetch())
    offering = asyncio.create_task(load.offer(rate_per_s, stop) if rate_per_s else stop.wait())
    try:
        yield load
        stop.set()
        await offering
        await until_done(system, load, ledger)
    finally:
        for task in (offering, fetching):
            task.cancel()
        await asyncio.gather(offering, fetching, return_exceptions=True)
        load.close()


async def _spell(fault: Fault, level: Level, system: System, load: Load, length_s: float, generator: Random) -> Spell:
    await asyncio.sleep(MARGIN_S)
    injecting = asyncio.ensure_future(fault.inject(system, length_s, generator))
    try:
        if level is Level.IDLE:
            await asyncio.sleep(length_s * generator.random())
            await load.offer_one(0, generator.choice(system.api_ports))
    finally:
        await injecting
    recovery = await recover(system, load)
    return Spell(length_s, recovery.worst_s, recovery.stuck, len(recovery.after_s))
