"""The sender in front of the stand-in, with real endpoints."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from inference_api.hooks.__main__ import operations_app
from inference_api.hooks.endpoints import Endpoints
from inference_api.hooks.metrics import HookMetrics
from inference_api.hooks.sender import MAX_IN_FLIGHT, Sender
from inference_bridge.errors import StoreUnavailable
from inference_bridge.hooks import Hook, HookState, Try
from inference_bridge.memory.hooks import MemoryHooks
from inference_bridge.memory.store import MemoryStore
from inference_bridge.results import failed
from tests.support.receiver import Receiver, answer, endpoint_lines, hang
from tests.support.waiting import until, until_found

IDS = [f"{number:024}" for number in range(MAX_IN_FLIGHT * 2)]


class Bench:
    """A running sender, its store, and its receivers."""

    def __init__(self, path: Path, receivers: Sequence[Receiver]) -> None:
        self.store = MemoryStore(result_ttl_s=60, model="m")
        self.registry = CollectorRegistry()
        path.write_text(
            "".join(
                endpoint_lines(f"to-{number}", f"http://127.0.0.1:{one.port}/") for number, one in enumerate(receivers)
            )
        )
        hooks = {"m": self.store.hooks}
        self.endpoints, self.metrics = Endpoints(path), HookMetrics(self.registry, hooks)
        self.sender = Sender(self.endpoints, hooks, self.metrics)
        self.stop = asyncio.Event()

    async def finish(self, inference_id: str, endpoint: str = "to-0") -> bytes:
        """Store a result with a webhook; return its body."""
        result = replace(failed(inference_id, "prediction_failed", "why"), webhook=endpoint)
        await self.store.put([result])
        return result.body

    def tries(self, outcome: str, endpoint: str = "to-0") -> float:
        labels = {"model": "m", "endpoint": endpoint, "outcome": outcome}
        return self.registry.get_sample_value("inference_webhook_tries_total", labels) or 0.0

    async def state(self, inference_id: str) -> HookState:
        state = await self.store.hooks.get(inference_id)
        assert state is not None
        return state


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_api.hooks.sender.POLL_S", 0.01)
    monkeypatch.setattr("inference_api.hooks.sender.STORE_PAUSE_S", 0.01)
    monkeypatch.setattr("inference_api.hooks.schedule.RETRIES_S", (0.01, 0.01))


@asynccontextmanager
async def sending(path: Path, *receivers: Receiver) -> AsyncIterator[Bench]:
    bench = Bench(path / "webhooks.toml", receivers)
    running = asyncio.create_task(bench.sender.run(bench.stop))
    try:
        yield bench
        bench.stop.set()
        await asyncio.wait_for(running, 10)
    finally:
        running.cancel()


async def test_a_result_arrives_signed(tmp_path: Path) -> None:
    async with Receiver() as receiver, sending(tmp_path, receiver) as bench:
        body = await bench.finish(IDS[0])
        await until(lambda: bench.tries("delivered"))

        [request] = receiver.received
        assert request.body == body
        assert request.verify()["inference_id"] == IDS[0]
        assert request.headers["webhook-id"].startswith(f"msg_{IDS[0]}_")
        assert await bench.state(IDS[0]) == HookState("to-0", 1, Try(204), None)


async def test_a_failed_webhook_comes_again_under_the_same_id(tmp_path: Path) -> None:
    async with Receiver() as receiver, sending(tmp_path, receiver) as bench:
        receiver.answering = lambda _: answer(500 if len(receiver.received) == 1 else 200)
        await bench.finish(IDS[0])
        await until(lambda: bench.tries("delivered"))

        assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
        assert (len(receiver.received), bench.tries("failed")) == (2, 1)


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (301, 3), (410, 1)])
async def test_a_webhook_dies_after_its_last_try(tmp_path: Path, status: int, tries: int) -> None:
    async with Receiver(lambda _: answer(status)) as receiver, sending(tmp_path, receiver) as bench:
        await bench.finish(IDS[0])
        await until(lambda: bench.tries("dead"))

        state = await bench.state(IDS[0])
        assert (state.attempts, state.next_try_ms) == (tries, None)
        assert state.last is not None
        assert state.last.status == status


async def test_a_silent_endpoint_takes_no_place_of_another(tmp_path: Path) -> None:
    async with (
        Receiver(hang) as silent,
        Receiver() as healthy,
        sending(tmp_path, silent, healthy) as bench,
    ):
        for inference_id in IDS:
            await bench.finish(inference_id, "to-0")
        await until(lambda: len(silent.received) == MAX_IN_FLIGHT)
        await bench.finish("A" * 24, "to-1")
        await until(lambda: bench.tries("delivered", "to-1"))

        assert len(silent.received) == MAX_IN_FLIGHT
        await silent.__aexit__()  # or the tries would wait for the deadline


async def test_the_tries_in_flight_end_before_the_sender_does(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def later(_: object) -> bytes:
        await released.wait()
        return answer(200)

    async with Receiver(later) as receiver, sending(tmp_path, receiver) as bench:
        await bench.finish(IDS[0])
        await until(lambda: receiver.received)
        bench.stop.set()
        released.set()

    assert bench.tries("delivered") == 1


class FaultyHooks(MemoryHooks):
    """Webhooks that are away for the next `faults` calls."""

    faults = 0

    def _fail(self) -> None:
        if self.faults:
            self.faults -= 1
            raise StoreUnavailable("away")

    async def claim(self, endpoint: str, count: int) -> list[Hook]:
        self._fail()
        return await super().claim(endpoint, count)

    async def settle(self, hook: Hook, tried: Try) -> None:
        self._fail()
        await super().settle(hook, tried)


async def test_a_store_that_is_away_loses_and_repeats_nothing(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        bench = Bench(tmp_path / "webhooks.toml", [receiver])
        hooks = FaultyHooks(model="m", result_ttl_s=60)
        bench.store.hooks = hooks
        running = asyncio.create_task(Sender(bench.endpoints, {"m": hooks}, bench.metrics).run(bench.stop))
        hooks.faults = 3
        await bench.finish(IDS[0])
        await until(lambda: receiver.received)
        hooks.faults = 3
        await until(lambda: bench.tries("delivered"))
        bench.stop.set()
        await asyncio.wait_for(running, 10)

        assert len(receiver.received) == 1
        assert (await bench.state(IDS[0])).next_try_ms is None


async def test_the_metrics_say_what_waits(tmp_path: Path) -> None:
    async with Receiver(lambda _: answer(500, "Retry-After: 900")) as receiver, sending(tmp_path, receiver) as bench:
        await bench.finish(IDS[0])
        await until(lambda: bench.tries("failed"))
        transport = httpx.ASGITransport(operations_app(bench.endpoints, bench.metrics, bench.registry))
        async with httpx.AsyncClient(transport=transport, base_url="http://hooks") as client:
            text = (await client.get("/metrics")).text

            assert (await client.get("/healthz")).text == "ok"
        assert 'inference_webhooks_waiting{endpoint="to-0",model="m"} 1.0' in text
        assert 'inference_webhook_overdue_seconds{endpoint="to-0",model="m"} 0.0' in text


async def test_a_repeated_webhook_is_sent_again(tmp_path: Path) -> None:
    async with Receiver() as receiver, sending(tmp_path, receiver) as bench:
        await bench.finish(IDS[0])
        await until(lambda: bench.tries("delivered"))
        await bench.store.hooks.repeat(IDS[0], "to-0")

        async def is_repeated() -> bool:
            return len(receiver.received) == 2

        await until_found(is_repeated)
