"""Writes docs/reliability.md from the evidence."""

from collections.abc import Callable, Sequence
from typing import Any

from chaos.report.defects import DEFECTS
from chaos.report.lengths import cases, lengths
from chaos.report.tables import count_of, note, table
from chaos.schedule import FAULTS

_HEAD = """# Reliability

Nothing that was accepted is ever lost: this page is the evidence. It is written by `make chaos`, from what that
measured; the raw figures are in [reliability.json](reliability.json).

RabbitMQ, Redis, two API processes and two workers run as real processes, all on one machine. Clients submit MNIST's
test pictures at a steady rate, come back when a refusal asks them to, and fetch every result. Meanwhile one fault
is injected. A process of ours that ends is started again, as Kubernetes would; nothing else is touched. Then each
id that was given out is judged: it must have one terminal result, the model's own answer for its picture, the same
whenever it is asked for.
"""

_FAULTS = """
## Faults

- **lost**: accepted, and without a result when nothing is under way any more.
- **contradicting**: answered in two ways. **wrong**: not the model's own answer.
- **ran again**: predictions beyond one for each result; invisible to clients, the first result stays.
- **refused**: submissions and reads that were answered with 503 and a `Retry-After`, and came back.
- **recovery**: the longest time from the end of a fault until every probe was green and each API process got a
  picture answered within two seconds. The goal is 10 s.
- **memory**: how much the API process or worker that grew most has grown, from before the load to after it.
"""

_DURABILITY = """
## Ends without warning

RabbitMQ and Redis are ended in the middle of 2,000 accepted jobs, and started again on what the disk holds. *Killed* is
SIGKILL. On the *slow disk* each sync of Redis takes 0.9 s longer, as it may on a busy one. A *power cut* also
takes from Redis's append-only file what it had not synced: a preloaded library notes each sync.
"""

_DURABILITY_TAIL = """
RabbitMQ confirms a job only when it is on the disk, so none of these ends loses a job that waits. A job that was
answered is gone from RabbitMQ, and its answer is as safe as Redis makes it. **`appendfsync always`, which we advise,
loses nothing**: Redis answers a worker only when the batch is on the disk, one sync for up to 64 results. `everysec`,
Redis's own default, promises less than is said of it: a power cut costs the answers of about the last second, and while
a sync is slow Redis keeps what it has answered for in memory, so that even the death of the process costs some. With
`no` the system decides when to write. A result that is lost in this way reads `pending` and, after the job's time to
live, 410; it is never a wrong answer. A queue that was created less than a few seconds before a kill may be forgotten
by RabbitMQ 4.3 with all it holds; the API takes no job until a new queue is five seconds old.
"""


def render(sections: dict[str, Any]) -> str:
    """Return the page; a section that was not measured is left out."""
    parts = [_HEAD]
    writers: Sequence[tuple[str, Callable[[Any], str]]] = (
        ("faults", _faults),
        ("lengths", lengths),
        ("cases", cases),
        ("durability", _durability),
        ("overload", _overload),
        ("soak", _soak),
        ("hostile", _hostile),
    )
    parts += [write(sections[name]) for name, write in writers if name in sections]
    parts.append(_defects())
    if "environment" in sections:
        machine = ", ".join(f"{name} {value}" for name, value in sections["environment"].items())
        parts.append(f"\n## Where\n\n{machine}.\n")
    return "".join(parts)


def _faults(measured: list[dict[str, Any]]) -> str:
    order = [fault.name for fault in FAULTS]
    rows = sorted(measured, key=lambda row: order.index(row["name"]) if row["name"] in order else len(order))
    head = [
        "fault",
        "jobs",
        "lost",
        "contradicting",
        "wrong",
        "ran again",
        "refused",
        "recovery, s",
        "memory, MiB",
        "date",
    ]
    body = [
        [
            row["title"],
            f"{row['jobs']:,}",
            count_of(row["lost"]),
            count_of(row["contradicting"]),
            count_of(row["wrong"]),
            row["repeated"],
            f"{row['refused']:,}",
            row["recovery_s"],
            f"{row['memory_growth_mib']:+.0f}",
            row["date"],
        ]
        for row in rows
    ]
    notes = [note(row, text) for row in rows if (text := row["expected"] or row.get("note", ""))]
    problems = [
        note(row, "not as it should be: " + "; ".join(row["problems"]))
        for row in rows
        if row["problems"] and not row["expected"]
    ]
    return _FAULTS + "\n" + table(head, body) + "".join(notes + problems)


def _durability(rows: list[dict[str, Any]]) -> str:
    head = ["`appendfsync`", "end", "jobs", "lost", "date"]
    body = [[f"`{row['appendfsync']}`", row["end"], f"{row['jobs']:,}", row["lost"], row["date"]] for row in rows]
    return _DURABILITY + "\n" + table(head, body) + _DURABILITY_TAIL


def _overload(overload: dict[str, Any]) -> str:
    head = [
        "offered",
        "jobs/s",
        "accepted/s",
        "refused/s",
        "refusal p50, ms",
        "p99, ms",
        "max, ms",
        "result p50, s",
        "p99, s",
        "`Retry-After`, s",
        "normal after, s",
        "memory, MiB",
        "lost",
    ]
    body = [
        [
            f"{step['multiple']:g} ×",
            f"{step['offered_per_s']:,.0f}",
            f"{step['accepted_per_s']:,.0f}",
            f"{step['refused_per_s']:,.0f}",
            *(f"{step[name]:.1f}" for name in ("refusal_p50_ms", "refusal_p99_ms", "refusal_max_ms")),
            *(f"{step[name]:.2f}" for name in ("result_p50_s", "result_p99_s")),
            f"{step['retry_after_s']:g}",
            f"{step['normal_after_s']:.1f}",
            f"{step['memory_growth_mib']:+.0f}",
            step["lost"],
        ]
        for step in overload["steps"]
    ]
    return (
        "\n## Overload\n\n"
        "Submissions arrive at a multiple of the capacity, whatever becomes of those before; the last row lasts "
        f"{overload['top_s']:g} s. The queue holds 500 jobs, which bounds the time to a result. The workers run the "
        "real network behind a device that takes 8 ms a picture, so that they are at their limit and not this machine: "
        f"{overload['capacity_per_s']:,.0f} jobs/s for two. `Retry-After` is the backlog divided by the drain rate. "
        "A short row fills the queue with the jobs that it accepts beyond the capacity."
        "\n\n![Accepted and refused, and how long each takes](pictures/overload.svg)\n\n"
        + table(head, body)
        + f"\nMeasured on {overload['date']}.\n"
    )


def _soak(soak: dict[str, Any]) -> str:
    head = ["process", "memory, MiB", "then", "descriptors", "then", "connections", "then"]
    body = [
        [
            row["process"],
            *(
                f"{row[when][figure]:,.0f}"
                for figure in ("memory_mib", "descriptors", "connections")
                for when in ("early", "late")
            ),
        ]
        for row in soak["growth"]
    ]
    return (
        "\n## Soak\n\n"
        f"Half the capacity, {soak['rate_per_s']:,.0f} jobs/s, for {soak['duration_s'] / 60:g} minutes; a worker is "
        f"restarted each minute ({soak['restarts']} times). {soak['jobs']:,} jobs, {soak['lost']} lost. Each figure is "
        "the mean of the second fifth of the run, *then* of the last.\n\n"
        "![Resident memory over time](pictures/soak.svg)\n\n"
        + table(head, body)
        + "\nRabbitMQ keeps in memory what its write-ahead log holds until that is full, 512 MiB by default "
        "(`raft.wal_max_size_bytes`); ten minutes at this rate do not fill it once. "
        f"Measured on {soak['date']}.\n"
    )


def _hostile(hostile: dict[str, Any]) -> str:
    statuses = ", ".join(f"{count:,} × {status}" for status, count in sorted(hostile["statuses"].items()))
    return (
        "\n## Hostile input\n\n"
        f"- {hostile['pictures']:,} pictures, mutated from every format (bits, chunks, lengths, bombs): {statuses}; "
        f"{hostile['crashes']} crashes; the slowest answer took {hostile['slowest_s']:.2f} s "
        f"({hostile['slowest_name']}); {hostile['slow']} took more than 1 s. "
        f"Memory of the API process {hostile['memory_before_mib']:.0f} MiB, then "
        f"{hostile['memory_after_mib']:.0f} MiB.\n"
        f"- {hostile['connections']:,} connections held open, half of them in the middle of a request: the slowest "
        f"picture beside them was accepted within {hostile['connections_slowest_s'] * 1000:.0f} ms.\n"
        f"\nMeasured on {hostile['date']}.\n"
    )


def _defects() -> str:
    rows = [[defect.found_by, defect.what, defect.commit] for defect in DEFECTS]
    return "\n## Defects that were found this way\n\n" + table(["found by", "defect", "fixed in"], rows)
