"""Reads the memory of each part of the system, and its highest value while something runs."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import psutil

from tests.support.servers import Process

SAMPLE_S = 1.0
MB = 1_000_000


class MemoryMeter:
    """Reads the resident memory of each part, with all its children.

    Args:
        parts: processes by the name of their part.
    """

    def __init__(self, parts: dict[str, Process]) -> None:
        self.parts = parts

    def read_mb(self) -> dict[str, float]:
        """Return the resident memory in MB by part."""
        return {name: _sum_tree_mb(process.pid) for name, process in self.parts.items()}

    async def find_highest_mb(self, work: Coroutine[Any, Any, None]) -> dict[str, float]:
        """Run `work`; return the highest memory in MB by part, of samples taken every second."""
        task = asyncio.create_task(work)
        samples = [self.read_mb()]
        while not task.done():
            await asyncio.wait([task], timeout=SAMPLE_S)
            samples.append(self.read_mb())
        await task
        names = {name for sample in samples for name in sample}
        return {name: max(sample.get(name, 0) for sample in samples) for name in names}


def _sum_tree_mb(pid: int) -> float:
    root = psutil.Process(pid)
    return sum(_read_bytes(member) for member in [root, *root.children(recursive=True)]) / MB


def _read_bytes(process: psutil.Process) -> int:
    try:
        resident: int = process.memory_info().rss
    except psutil.NoSuchProcess:  # RabbitMQ starts programs that end at once
        return 0
    return resident
