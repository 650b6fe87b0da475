"""The whole system in one process, as `make run` starts it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import Process, free_port


@contextmanager
def running_embedded(directory: Path, **environment: str) -> Iterator[tuple[Process, str]]:
    """Run it on free ports, with its log in `directory`; yield the process and its URL."""
    port = free_port()
    variables = {"INFERENCE_PORT": str(port), "INFERENCE_OPERATIONS_PORT": "0", **environment}
    process = Process([sys.executable, "-m", "inference_embedded"], directory / "log", variables).start()
    try:
        process.wait_for_port(port)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.stop(signal.SIGKILL)
