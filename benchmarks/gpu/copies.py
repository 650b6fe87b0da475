"""The time to copy a batch to the GPU."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.gpu.timing import time_ms

COPY_MIB = (1, 10, 64)


def time_copies(device: torch.device) -> Iterator[dict[str, float]]:
    """Yield the milliseconds of a copy for each size, from ordinary and from pinned memory."""
    for mib in COPY_MIB:
        ordinary = torch.zeros(mib * 2**20, dtype=torch.uint8)  # (bytes,)
        row: dict[str, float] = {"mib": mib}
        for name, host in (("ordinary_ms", ordinary), ("pinned_ms", ordinary.pin_memory())):
            row[name] = time_ms(partial(_copy, host, device))
        yield row


def _copy(host: torch.Tensor, device: torch.device) -> None:
    host.to(device, non_blocking=True)
    torch.cuda.synchronize()
