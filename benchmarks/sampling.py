"""Samples the API's stacks with py-spy under load, and counts the samples by package."""

import asyncio
import subprocess
import tempfile
from collections import Counter
from collections.abc import Awaitable, Iterable
from pathlib import Path

from benchmarks.closed import measure_closed
from benchmarks.contenders import Contender, run_this_system
from benchmarks.pictures import make_pictures
from benchmarks.subjects import DIGITS

DURATION_S, RATE_PER_S, CLIENTS = 8, 250, 128
#: A sample counts for the innermost of its frames that is in one of these packages.
PACKAGES = {
    "asyncio": "event loop, system calls",
    "uvicorn": "uvicorn",
    "starlette": "Starlette and FastAPI",
    "fastapi": "Starlette and FastAPI",
    "pika": "pika",
    "redis": "redis-py",
    "prometheus_client": "prometheus_client",
    "PIL": "preparation: Pillow",
    "numpy": "preparation: numpy",
    "mnist_model": "preparation: mnist_model",
    "inference_pictures": "preparation: inference_pictures",
    "inference_bridge": "inference_bridge",
    "inference_api": "inference_api",
}
REST = "the rest"


def profile(python: Path) -> dict[str, float]:
    """Return the share of the API's CPU time by package, with 128 clients; `python` has py-spy beside it."""
    with tempfile.TemporaryDirectory() as folder, run_this_system(DIGITS) as server:
        stacks = Path(folder, "stacks")
        load = measure_closed(server, make_pictures(), clients=CLIENTS, duration_s=DURATION_S)
        sampler = _start_sampler(python, server, stacks)
        asyncio.run(_wait(load))
        if sampler.wait():
            raise RuntimeError(f"py-spy ended with {sampler.returncode}; it needs the right to trace processes")
        return count_packages(stacks.read_text().splitlines())


async def _wait(load: Awaitable[object]) -> None:
    await load


def _start_sampler(python: Path, server: Contender, stacks: Path) -> subprocess.Popen[bytes]:
    options = {
        "--pid": server.parts["API"].pid,
        "--duration": DURATION_S,
        "--rate": RATE_PER_S,
        "--format": "raw",
        "--output": stacks,
    }
    words = [str(word) for pair in options.items() for word in pair]
    command = [str(python.parent / "py-spy"), "record", "--nonblocking", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def count_packages(stacks: Iterable[str]) -> dict[str, float]:
    """Return the share of the samples by package, the largest first.

    Args:
        stacks: lines of py-spy's raw format, `outer (file:line);inner (file:line) samples`.
    """
    counts: Counter[str] = Counter()
    for line in stacks:
        frames, _, samples = line.rpartition(" ")
        folders = [frame.rpartition("(")[2].partition("/")[0] for frame in reversed(frames.split(";"))]
        counts[next((PACKAGES[folder] for folder in folders if folder in PACKAGES), REST)] += int(samples)
    return {name: count / counts.total() for name, count in counts.most_common()}
