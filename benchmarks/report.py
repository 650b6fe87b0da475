"""Formats the measurements as a Markdown table and as JSON, with the machine's description."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from benchmarks.loads import Measurement


@dataclass(frozen=True, slots=True)
class Row:
    """A measurement, and the CPU seconds of each part of the system during it."""

    measurement: Measurement
    cpu_s: dict[str, float]

    def compute_figures(self) -> dict[str, Any]:
        """Return jobs/s, latency percentiles in ms and CPU-ms per job."""
        latencies = self.measurement.latencies_s
        cuts = quantiles(latencies, n=100) if len(latencies) > 1 else []
        percentiles = {f"p{cut}_ms": round(cuts[cut - 1] * 1000, 2) for cut in (50, 95, 99)} if cuts else {}
        jobs = self.measurement.jobs
        return {
            "load": self.measurement.name,
            "waiting": str(self.measurement.waiting),
            "jobs": jobs,
            "jobs_per_s": round(jobs / self.measurement.duration_s, 1),
            **percentiles,
            "cpu_ms_per_job": {name: round(1000 * spent / jobs, 3) for name, spent in self.cpu_s.items()},
        }


def render_table(rows: Sequence[Row], where: dict[str, str]) -> str:
    """Return a Markdown table."""
    figures = [row.compute_figures() for row in rows]
    parts = list(figures[0]["cpu_ms_per_job"])
    head = ["load", "waiting", "jobs/s", "p50 ms", "p95 ms", "p99 ms", *(f"{part} CPU ms" for part in parts)]
    lines = [_render_line(head), _render_line(["---", "---", *["--:"] * (len(head) - 2)])]
    for row in figures:
        latency = [f"{row[key]:.1f}" if key in row else "" for key in ("p50_ms", "p95_ms", "p99_ms")]
        cpu = [f"{row['cpu_ms_per_job'][part]:.2f}" for part in parts]
        lines.append(_render_line([row["load"], row["waiting"], f"{row['jobs_per_s']:,.0f}", *latency, *cpu]))
    return "\n".join([*lines, "", f"CPU ms are per job. {describe_machine(where)}"])


def describe_machine(where: dict[str, str]) -> str:
    """Return a sentence about the machine and the versions."""
    return f"Measured on: {', '.join(f'{name} {value}' for name, value in where.items())}."


def _render_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
