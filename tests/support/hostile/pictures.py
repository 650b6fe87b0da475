"""Sends mutated pictures to a running API and notes what becomes of them.

    python -m tests.support.hostile.pictures --url http://127.0.0.1:8000 --count 10000 --seed 1 --pid 4711

Any answer is right that the API's documentation has; a 500, a closed connection or another process is a crash.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx
import psutil

from tests.support.hostile.mutations import Mutation, mutation

CONCURRENCY = 4
TIMEOUT_S = 60.0


@dataclass
class Outcome:
    """The fate of the pictures.

    Attributes:
        statuses: answers by HTTP status.
        slowest_s: longest time from a request to its answer, seconds, and the picture it was for.
        crashes: events that must not happen, one sentence each.
        cpu_s: CPU time that the API took for all of them, seconds; 0 without its process id.
        rss_before_bytes, rss_after_bytes: resident memory of the API's process; 0 without its process id.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest_name: str = ""
    slow: list[tuple[float, str]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    cpu_s: float = 0.0
    rss_before_bytes: int = 0
    rss_after_bytes: int = 0

    def note(self, sent: Mutation, answer: httpx.Response, elapsed_s: float) -> None:
        """Count an answer."""
        self.statuses[answer.status_code] += 1
        if elapsed_s > self.slowest_s:
            self.slowest_s, self.slowest_name = elapsed_s, sent.name
        if elapsed_s > 1:
            self.slow.append((round(elapsed_s, 2), sent.name))
        is_put_off = answer.status_code == 503 and "retry-after" in answer.headers
        if answer.status_code >= 500 and not is_put_off:
            self.crashes.append(f"{sent.name} was answered {answer.status_code}: {answer.text[:200]}")


def send_pictures(
    url: str,
    count: int,
    seed: int,
    *,
    pid: int | None = None,
    headers: Mapping[str, str] | None = None,
    concurrency: int = CONCURRENCY,
) -> Outcome:
    """Send `count` pictures, a few at a time, every other one as a form, and return what became of them.

    Args:
        url: the API's address.
        count: pictures to send.
        seed: which pictures; the same seed, the same pictures.
        pid: the API's process, whose life, memory and CPU time are noted too; None where it is elsewhere.
        headers: of every request, such as an API key.
        concurrency: requests at once.
    """
    for index in range(count):
        mutation(seed, index)  # slow ones are kept, and must not be made while times are taken
    process = None if pid is None else psutil.Process(pid)
    outcome = Outcome()
    if process is not None:
        outcome.rss_before_bytes, started_cpu_s = process.memory_info().rss, _cpu_s(process)
    asyncio.run(_send_all(outcome, url, iter(range(count)), seed, dict(headers or {}), concurrency))
    if process is not None:
        try:
            outcome.rss_after_bytes, outcome.cpu_s = process.memory_info().rss, _cpu_s(process) - started_cpu_s
        except psutil.NoSuchProcess:
            outcome.crashes.append(f"process {pid} has ended")
    return outcome


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _send_all(
    outcome: Outcome, url: str, indices: Iterator[int], seed: int, headers: dict[str, str], concurrency: int
) -> None:
    async def send_some(client: httpx.AsyncClient) -> None:
        for index in indices:
            await _send(outcome, client, mutation(seed, index), is_form=index % 2 == 1)

    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_S) as client:
        await asyncio.gather(*[send_some(client) for _ in range(concurrency)])


async def _send(outcome: Outcome, client: httpx.AsyncClient, sent: Mutation, *, is_form: bool) -> None:
    started_s = time.perf_counter()
    try:
        if is_form:
            answer = await client.post("/classify", files={"file": ("picture", sent.picture)})
        else:
            answer = await client.post("/classify", content=sent.picture)
    except httpx.TransportError as error:
        outcome.crashes.append(f"{sent.name} got no answer: {error!r}")
    else:
        outcome.note(sent, answer, time.perf_counter() - started_s)


def main() -> None:
    """Run from the command line and log the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pid", type=int)
    arguments = parser.parse_args()
    print(send_pictures(arguments.url, arguments.count, arguments.seed, pid=arguments.pid))  # noqa: T201


if __name__ == "__main__":
    main()
