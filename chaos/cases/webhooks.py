"""Webhooks to an endpoint that fails, hangs and redirects, while senders, workers and Redis are killed at random."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from standardwebhooks import WebhookVerificationError

from chaos.cases.case import Seen
from chaos.faults import end
from chaos.load.ledger import Ledger
from chaos.load.load import Load
from chaos.load.workload import Workload
from chaos.system.system import System
from tests.support.deployment import Deployment, Service
from tests.support.receiver import OK, Received, Receiver, answer, endpoint_lines, hang
from tests.support.supervisor import Supervisor
from tests.support.waiting import until, until_in_thread

RATE_PER_S = 100.0
SENDERS = 2
SHORTEST_S, LONGEST_S = 1.0, 4.0
TIMEOUT_S = 600.0
POST = b"POST /models/mnist?webhook=done HTTP/1.1\r\n"
#: Each id may be treated badly this often; later tries are accepted, so that each webhook can arrive.
BAD_TRIES = 3
#: The share of each answer to these tries; the rest is accepted.
ANSWERS = {"500": 0.05, "301": 0.05, "429": 0.05, "nothing": 0.04, "410": 0.005, "silence": 0.005}


@dataclass
class Endpoint:
    """A bad endpoint.

    Attributes:
        generator: chooses the answers.
        tries: how often each id came.
        bodies: the last body of each id that was accepted.
        accepted: how often each id was accepted.
        stopped: ids that were answered 410, after which no try needs to follow.
        answers: how often each answer was given.
        problems: what may never happen, one sentence each.
    """

    generator: Random
    tries: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, bytes] = field(default_factory=dict)
    accepted: Counter[str] = field(default_factory=Counter)
    stopped: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def answer(self, request: Received) -> bytes | Awaitable[bytes]:
        """Answer a webhook."""
        inference_id = json.loads(request.body)["inference_id"]
        try:
            request.verify()
        except WebhookVerificationError as error:
            self.problems.append(f"the webhook of {inference_id} is not signed: {error}")
        self.tries[inference_id] += 1
        said = self._choose() if self.tries[inference_id] <= BAD_TRIES else "accepted"
        self.answers[said] += 1
        match said:
            case "accepted":
                self.accepted[inference_id] += 1
                self.bodies[inference_id] = request.body
                return OK
            case "410":
                self.stopped.add(inference_id)
                return answer(410)
            case "silence":
                return hang(request)
            case "nothing":
                return b""
            case "429":
                return answer(429, "Retry-After: 2")
            case _:
                return answer(int(said), "Location: http://127.0.0.1:1/")

    def has(self, inference_id: str) -> bool:
        """Tell whether a webhook arrived."""
        return inference_id in self.accepted or inference_id in self.stopped

    def _choose(self) -> str:
        if never := set(ANSWERS) - set(self.answers):
            return min(never)
        rest = 1 - sum(ANSWERS.values())
        return self.generator.choices(["accepted", *ANSWERS], [rest, *ANSWERS.values()])[0]


async def webhooks(
    directory: Path, workload: Workload, *, seed: int = 1, settings: Mapping[str, str] | None = None
) -> Seen:
    """Submit the workload with a webhook each; all that finish must arrive. `settings` are of the senders."""
    seen, endpoint = Seen(Ledger(workload)), Endpoint(Random(seed))
    file = directory / "webhooks.toml"
    async with Receiver(endpoint.answer) as receiver:
        file.write_text(endpoint_lines("done", f"http://127.0.0.1:{receiver.port}/hooks"))
        with System(directory, environment={"INFERENCE_WEBHOOKS_FILE": str(file)}) as system:
            async with _senders(
                directory, system, {"INFERENCE_WEBHOOKS_FILE": str(file), **(settings or {})}
            ) as senders:
                kills = await _run(system, senders, seen.ledger, endpoint, Random(seed + 1))
    _judge(seen, endpoint, kills)
    return seen


@asynccontextmanager
async def _senders(directory: Path, system: System, environment: Mapping[str, str]) -> AsyncIterator[list[Service]]:
    (directory / "senders").mkdir()
    urls = {"amqp_url": "amqp://nobody:none@127.0.0.1:1/%2F", "redis_url": system.redis.url}
    with Deployment(directory / "senders", **urls, **environment) as deployment:
        module = "tests.support.quick_hooks"
        senders = [deployment.start(module, "INFERENCE_OPERATIONS_PORT", {}) for _ in range(SENDERS)]
        await until_in_thread(lambda: all(sender.is_alive() for sender in senders))
        with Supervisor(senders):
            yield senders


async def _run(
    system: System, senders: list[Service], ledger: Ledger, endpoint: Endpoint, generator: Random
) -> Counter[str]:
    load, stop = Load(system.api_ports, ledger, post=POST), asyncio.Event()
    fetching = asyncio.create_task(load.fetch())
    killing = asyncio.create_task(_kill_at_random(system, senders, stop, generator))
    try:
        await load.submit(RATE_PER_S, jobs=len(ledger.workload))
        await load.until_fetched(TIMEOUT_S)
        stop.set()
        kills = await killing
        with suppress(TimeoutError):
            await until(lambda: all(map(endpoint.has, ledger.accepted)), TIMEOUT_S, every_s=0.2)
        await load.read_all()
        return kills
    finally:
        for task in (fetching, killing):
            task.cancel()
        await asyncio.gather(fetching, killing, return_exceptions=True)
        load.close()


async def _kill_at_random(
    system: System, senders: list[Service], stop: asyncio.Event, generator: Random
) -> Counter[str]:
    kills: Counter[str] = Counter()
    while not stop.is_set():
        victim = generator.choice(("sender", "worker", "Redis"))
        kills[victim] += 1
        if victim == "Redis":
            await asyncio.to_thread(system.redis.stop, signal.SIGKILL)
            await asyncio.sleep(generator.uniform(SHORTEST_S, LONGEST_S) / 2)
            await asyncio.to_thread(system.redis.start)
        else:
            await end(generator.choice(senders if victim == "sender" else system.workers), signal.SIGKILL)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), generator.uniform(SHORTEST_S, LONGEST_S))
    return kills


def _judge(seen: Seen, endpoint: Endpoint, kills: Counter[str]) -> None:
    results = seen.ledger.results
    missing = [inference_id for inference_id in results if not endpoint.has(inference_id)]
    changed = [key for key, body in endpoint.bodies.items() if results.get(key, body) != body]
    again = sum(count > 1 for count in endpoint.accepted.values())
    killed = ", ".join(f"{count} times {victim}" for victim, count in sorted(kills.items()))
    seen.finding = (
        f"{len(missing)} webhooks of {len(results)} finished jobs missing after {endpoint.tries.total()} tries; "
        f"{again} were accepted twice or more, {len(endpoint.stopped)} stopped by 410; killed: {killed}"
    )
    seen.problems += endpoint.problems[:20]
    seen.expect(not missing, f"{len(missing)} webhooks are missing")
    seen.expect(not changed, f"{len(changed)} webhooks have another body than the result")
    seen.expect(set(ANSWERS) <= set(endpoint.answers), f"only {sorted(endpoint.answers)} were answered")
