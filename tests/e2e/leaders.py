"""Seconds until KEDA asks for a worker after a change of the queue's leader: a run writes them, the docs show them."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from tests.e2e.conftest import OUTPUT
from tests.e2e.figures import open_figures
from tests.support.deployment import ROOT

RECORDED = OUTPUT / "leaders.json"
"""The figures of runs in the cluster, by the source of KEDA's figure."""
FIGURES = ROOT / "docs/leaders.json"

_HEAD = """## Whichever node of RabbitMQ leads

Three nodes of RabbitMQ, with the chart's values for production. {times} times, when no worker was there, the leader of
`mnist.jobs` was moved to the next node (`rabbitmq-queues transfer_leadership`), and {jobs} pictures were submitted
at once, without a wait. Each time a worker was asked for, started, and answered right. Nodes by their numbers; seconds
from the first picture to the worker that is asked for. The raw figures are in [leaders.json](leaders.json).
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the leader, and the start of a worker after it.

    Attributes:
        leader: the number of the new leader's node.
        asked: the numbers of the nodes to which KEDA had a connection.
        s: seconds from the jobs until KEDA asked for the first worker.
    """

    leader: int
    asked: list[int]
    s: float


def write(source: str, polling_interval_s: int, jobs: int, changes: list[Change]) -> None:
    """Add the changes with one source of KEDA's figure to the recorded figures."""
    with open_figures(RECORDED) as recorded:
        recorded[source] = {
            "measured": time.strftime("%Y-%m-%d"),
            "polling_interval_s": polling_interval_s,
            "jobs": jobs,
            "changes": [asdict(change) for change in changes],
        }


def render_section(recorded: dict[str, Any]) -> str:
    """Return the section of docs/scaling.md, with a table for each source."""
    first = next(iter(recorded.values()))
    tables = (_render_table(source, of) for source, of in recorded.items())
    return _HEAD.format(times=len(first["changes"]), jobs=first["jobs"]) + "".join(tables)


def _render_table(source: str, of: dict[str, Any]) -> str:
    changes = of["changes"]
    rows = {
        f"`{source}`, a look every {of['polling_interval_s']} s": range(1, len(changes) + 1),
        "the leader": [change["leader"] for change in changes],
        "KEDA was connected to": [", ".join(map(str, change["asked"])) or "–" for change in changes],
        "seconds": [f"{change['s']:.1f}" for change in changes],
    }
    head, *body = (f"| {name} | {' | '.join(map(str, cells))} |\n" for name, cells in rows.items())
    asked = [change for change in changes if change["asked"]]
    elsewhere = sum(change["leader"] not in change["asked"] for change in asked)
    note = f"In {elsewhere} of them KEDA was connected to RabbitMQ, and not to the leader. " if asked else ""
    return f"\n{head}| --- |{' ---: |' * len(changes)}\n{''.join(body)}\n{note}Measured on {of['measured']}.\n"
