"""Writes docs/gpu.md from the figures of `benchmarks.gpu`."""

from typing import Any

HEAD = """# On a GPU

Written by `make bench-gpu`: one worker, MNIST, queue and results in memory, {device}, torch {torch}. `make test-gpu`
shows on the same machine that a GPU gives the answers of the CPU, and survives a full memory and a failed device.
"""

NOTES = """\
## The worker on a GPU

- **Pinned memory.** Once a model has used the GPU, its batches lie in pinned memory. `.to(device, non_blocking=True)`
  then returns at once, and Python starts the kernels during the copy. `tests/gpu/test_copies.py` shows it. This is for
  `Picture` and `Tensor` without `decode`; other models pin their own tensors.
- **The next batch.** It is received, checked and decoded while one runs; the results of the last one are written.
- **No copy of the next batch while one runs.** That needs a stream of its own, and memory on the GPU for two batches,
  of which the ceiling of the batch size knows nothing; a failing batch could not be halved before the next is dropped.
  MNIST would gain nothing: its batch of 64 has 50 KB. The busy share with inputs of 150 KB shows the loss of others.
- **No CUDA graphs** in MNIST's model so far: each batch size needs its own. The table of batches says whether they pay.
"""


def render(figures: dict[str, Any]) -> str:
    """Return the page."""
    phases = figures["phases"]
    return "\n".join(
        [
            HEAD.format(**figures),
            f"- One worker does **{figures['jobs_per_s']:,.0f} jobs/s** (`worker.throughputPerReplica`).",
            f"- With a model of 5 ms a batch, the GPU computes **{figures['busy_share']:.1%}** of the time; "
            f"with inputs of 150 KB, {figures['busy_share_large']:.1%}.",
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
            NOTES,
        ]
    )


def _batch_row(row: dict[str, float]) -> str:
    graph = f"{row['graph_ms']:.3f}" if "graph_ms" in row else ""
    per_s = row["size"] / row["fp32_ms"] * 1000
    return f"| {row['size']} | {row['fp32_ms']:.3f} | {per_s:,.0f} | {row['bf16_ms']:.3f} | {graph} |"
