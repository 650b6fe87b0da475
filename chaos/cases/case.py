"""Cases, which take more than one fault of one kind, and the findings of each."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.load.ledger import Ledger
from chaos.load.workload import Workload


@dataclass(slots=True)
class Seen:
    """The findings of one run.

    Attributes:
        ledger: of everything that was accepted.
        stuck: names of the processes that did not recover.
        finding: its measurements in words.
        problems: faults of the system that the ledger cannot see, one sentence each.
    """

    ledger: Ledger
    stuck: list[str] = field(default_factory=list)
    finding: str = ""
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, sentence: str) -> None:
        """Note the sentence if something does not hold."""
        if not holds:
            self.problems.append(sentence)


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the report.

    Attributes:
        name: short, for the command line.
        title: the same in a sentence.
        run: does it in a directory of its own, with pictures to submit, and returns the findings.
    """

    name: str
    title: str
    run: Callable[[Path, Workload], Coroutine[Any, Any, Seen]]


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """A case that was run; as `Endurance`, and `finding` says what else it measured."""

    name: str
    title: str
    jobs: int
    lost: int
    contradicting: int
    wrong: int
    stuck: int
    finding: str
    problems: list[str]
    date: str

    @classmethod
    def of(cls, case: Case, seen: Seen) -> "CaseVerdict":
        """Judge what was seen."""
        ledger = seen.ledger
        lost, contradicting, wrong = len(ledger.pending), len(ledger.contradicting), len(ledger.wrong)
        problems = [*seen.problems, *ledger.complaints]
        if lost or contradicting or wrong:
            problems.append(f"{lost} lost, {contradicting} contradicting, {wrong} wrong")
        if seen.stuck:
            problems.append(f"stuck: {', '.join(seen.stuck)}")
        return cls(
            name=case.name,
            title=case.title,
            jobs=len(ledger.accepted),
            lost=lost,
            contradicting=contradicting,
            wrong=wrong,
            stuck=len(seen.stuck),
            finding=seen.finding,
            problems=problems,
            date=datetime.now(UTC).date().isoformat(),
        )
