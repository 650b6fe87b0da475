"""The sections of the report on lengths and loads, and on the cases."""

from collections.abc import Sequence
from typing import Any

from chaos.cases.order import CASES
from chaos.endurance import LENGTHS_S
from chaos.load.levels import CAPACITY_PER_S, QUEUE_MAX_LENGTH, Level
from chaos.matrix import KINDS
from chaos.recovery import BOUND_S
from chaos.report.tables import count_of, note, table

JUDGED = ("lost", "contradicting", "wrong", "stuck")
Row = dict[str, Any]


def lengths(rows: Sequence[Row]) -> str:
    """Return the section with a line for each kind of fault and a column for each load."""
    head = ["fault", "jobs", *JUDGED, *(level.value for level in Level), "date"]
    kinds = [(kind, [row for row in rows if row["name"] == kind.name]) for kind in KINDS]
    body = [_line(kind.title, own) for kind, own in kinds if own]
    problems = [
        note(row, f"not as it should be at the load *{row['level']}*: " + "; ".join(row["problems"]))
        for row in rows
        if row["problems"]
    ]
    return _lengths_head() + "\n" + table(head, body) + "".join(problems)


def cases(rows: Sequence[Row]) -> str:
    """Return the section with a line for each case."""
    order = [case.name for case in CASES]
    known = sorted((row for row in rows if row["name"] in order), key=lambda row: order.index(row["name"]))
    head = ["case", "jobs", *JUDGED, "measured", "date"]
    body = [
        [row["title"], f"{row['jobs']:,}", *(count_of(row[name]) for name in JUDGED), row["finding"], row["date"]]
        for row in known
    ]
    problems = [note(row, "not as it should be: " + "; ".join(row["problems"])) for row in known if row["problems"]]
    return _CASES + "\n" + table(head, body) + "".join(problems)


def _line(title: str, rows: Sequence[Row]) -> list[str]:
    by_level = {row["level"]: row for row in rows}
    return [
        title,
        f"{sum(row['jobs'] for row in rows):,}",
        *(count_of(sum(row[name] for row in rows)) for name in JUDGED),
        *(_cell(by_level.get(level)) for level in Level),
        max(row["date"] for row in rows),
    ]


def _cell(row: Row | None) -> str:
    """Return the worst recovery and the length of the fault before it, or how many processes were stuck."""
    if row is None:
        return ""
    after = f"({row['worst_length_s']:g})"
    if not row["stuck"]:
        return f"{row['worst_recovery_s']:.1f} {after}"
    checked = sum(spell["checked"] for spell in row["spells"])
    return f"**{row['stuck']} of {checked} stuck** {after}"


def _lengths_head() -> str:
    lengths = ", ".join(f"{length_s:g}" for length_s in LENGTHS_S)
    loads = ", ".join(f"*{level}* {level.rate_per_s:g}" for level in Level if level.rate_per_s)
    return f"""
## Lengths and loads

A defect often shows at one length only: when a timeout ends just as the server comes back. So each system
lives through {lengths} s and a length at random of one kind of fault, in random order, recovering in
between, at a steady load. The workers run the real network behind a device that takes 8 ms a picture, so that two do
{CAPACITY_PER_S:g} jobs/s at most; the queue holds {QUEUE_MAX_LENGTH} jobs. Jobs offered per second: {loads};
*{Level.IDLE}* is one job at a moment during each fault, and some afterwards. Nobody comes back after a refusal.

- **stuck**: how many times a process was not ready, or answered no picture, {BOUND_S:g} s after the end of a fault,
  though RabbitMQ and Redis were well. For an API process a picture goes in and its result comes out through this very
  process; a worker must have run another batch. A stuck process is started again, so that each length has its chance.
- Below each load: the slowest recovery in seconds, and in brackets the length of the fault before it.
"""


_CASES = """
## Cases

Each case takes more than one fault of one kind. An answer `failed` for a picture that is innocent counts as wrong.
"""
