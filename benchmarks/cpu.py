"""CPU time of the processes of the system, so that it shows who works for a job."""

import psutil

from tests.support.servers import Process


class CpuMeter:
    """Reads the CPU seconds that each part, with all its children, has used so far.

    Args:
        parts: processes by the name of the part they are.
    """

    def __init__(self, parts: dict[str, Process]) -> None:
        self._trees = {name: psutil.Process(process.pid) for name, process in parts.items()}
        self._trees["load generator"] = psutil.Process()

    def read_s(self) -> dict[str, float]:
        """Return user plus system seconds by part."""
        return {name: _tree_s(name, root) for name, root in self._trees.items()}


def _tree_s(name: str, root: psutil.Process) -> float:
    # The load generator started the others: its children are theirs.
    members = [root] if name == "load generator" else [root, *root.children(recursive=True)]
    times = [member.cpu_times() for member in members]
    return sum(time.user + time.system for time in times)
