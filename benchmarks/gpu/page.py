"""Writes docs/gpu.md from the figures of `benchmarks.gpu`."""

from typing import Any

HEAD = """# On a GPU

Written by `make bench-gpu`: one worker, MNIST, queue and results in memory, {device}, torch {torch}. `make test-gpu`
shows on the same machine that a GPU gives the answers of the CPU, and survives a full memory and a failed device.
"""


def render(figures: dict[str, Any]) -> str:
    """Return the page."""
    phases = figures["phases"]
    return "\n".join(
        [
            HEAD.format(**figures),
            f"- One worker does **{figures['jobs_per_s']:,.0f} jobs/s** (`worker.throughputPerReplica`).",
            f"- With a model of 5 ms a batch, the GPU computes **{figures['busy_share']:.1%}** of the time.",
            f"- A worker is ready after {sum(phases.values()):.1f} s: "
            + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in phases.items())
            + ".",
            "",
            "| batch | fp32, ms | pictures/s | bf16, ms | CUDA graph, ms |",
            "| --- | --- | --- | --- | --- |",
            *(_batch_row(row) for row in figures["curve"]),
            "",
            "| copy to the GPU | ordinary memory, ms | pinned, ms |",
            "| --- | --- | --- |",
            *(f"| {row['mib']} MiB | {row['ordinary_ms']:.3f} | {row['pinned_ms']:.3f} |" for row in figures["copies"]),
            "",
        ]
    )


def _batch_row(row: dict[str, float]) -> str:
    graph = f"{row['graph_ms']:.3f}" if "graph_ms" in row else ""
    per_s = row["size"] / row["fp32_ms"] * 1000
    return f"| {row['size']} | {row['fp32_ms']:.3f} | {per_s:,.0f} | {row['bf16_ms']:.3f} | {graph} |"
