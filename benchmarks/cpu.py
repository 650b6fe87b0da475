"""Reads the CPU time of each part of the system, to show each part's cost of a job."""

import psutil

from tests.support.servers import Process


class CpuMeter:
    """Reads the CPU seconds of each part, with all its children.

    Args:
        parts: processes by the name of their part.
    """

    def __init__(self, parts: dict[str, Process]) -> None:
        self._trees = {name: psutil.Process(process.pid) for name, process in parts.items()}
        self._trees["load generator"] = psutil.Process()

    def read_s(self) -> dict[str, float]:
        """Return user plus system seconds by part."""
        return {name: _sum_tree_s(name, root) for name, root in self._trees.items()}


def _sum_tree_s(name: str, root: psutil.Process) -> float:
    # The load generator started the other parts: its children count for them.
    members = [root] if name == "load generator" else [root, *root.children(recursive=True)]
    times = [member.cpu_times() for member in members]
    return sum(time.user + time.system for time in times)
