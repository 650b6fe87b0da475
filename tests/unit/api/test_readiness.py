"""A process gets calls as long as one of its servers answers, and a new process once both have."""

import pytest

from inference_api.readiness import FIRST_SUCCESS_S, Readiness
from inference_api.served_model import Backend
from inference_bridge.ids import TicketSigner
from inference_bridge.memory.broker import MemoryBroker
from inference_bridge.rabbitmq.throughput import Throughput
from mnist_model.spec import SPEC
from tests.support.clock import Clock
from tests.unit.api.conftest import KEY, Service, SwitchableStore

PUBLISHER_IS_READY = "inference_bridge.memory.broker.MemoryPublisher.is_ready"


class Process:
    """A new process whose servers a test switches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        broker, self.clock = MemoryBroker(SPEC, queue_max_length=3), Clock()
        self.store = SwitchableStore(result_ttl_s=60)
        signer = TicketSigner(KEY, model=SPEC.name)
        backend = Backend(SPEC, broker.publisher(), broker.depth_reader(), self.store, signer, Throughput())
        self._readiness = Readiness([backend], clock=self.clock)
        self._monkeypatch = monkeypatch

    async def gets_calls(self, *, broker: bool, store: bool) -> bool:
        """Switch the servers, and probe."""
        self._monkeypatch.setattr(PUBLISHER_IS_READY, broker)
        self.store.is_away = not store
        return self._readiness.can_serve(await self._readiness.look())


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(monkeypatch)


@pytest.mark.parametrize(
    ("broker", "store", "expected"), [(False, True, True), (True, False, True), (False, False, False)]
)
async def test_one_server_is_enough_once_both_have_answered(
    process: Process, broker: bool, store: bool, expected: bool
) -> None:
    assert await process.gets_calls(broker=True, store=True)
    process.clock.now_s += 86_400

    assert await process.gets_calls(broker=broker, store=store) is expected


@pytest.mark.parametrize(("broker", "store"), [(False, True), (True, False), (False, False)])
async def test_a_new_process_gets_no_call_before_both_have_answered(
    process: Process, broker: bool, store: bool
) -> None:
    """A rollout with a wrong URL must not replace pods that work."""
    process.clock.now_s += FIRST_SUCCESS_S - 1

    assert not await process.gets_calls(broker=broker, store=store)


@pytest.mark.parametrize(
    ("broker", "store", "expected"), [(False, True, True), (True, False, True), (False, False, False)]
)
async def test_a_process_that_starts_during_an_outage_serves_what_it_can_after_five_minutes(
    process: Process, broker: bool, store: bool, expected: bool
) -> None:
    process.clock.now_s += FIRST_SUCCESS_S

    assert await process.gets_calls(broker=broker, store=store) is expected


async def test_a_pod_without_redis_still_gets_calls_and_says_that_it_is_not_ready(service: Service) -> None:
    assert (await service.client.get("/serving")).status_code == 200
    service.store.is_away = True

    serving, ready = await service.client.get("/serving"), await service.client.get("/readyz")

    assert (serving.status_code, ready.status_code) == (200, 503)
    assert serving.json() == ready.json() == {"broker": "ready", "store": "unavailable"}


async def test_a_pod_without_any_server_gets_no_calls(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await service.client.get("/serving")).status_code == 200
    service.store.is_away = True
    monkeypatch.setattr(PUBLISHER_IS_READY, False)

    assert (await service.client.get("/serving")).status_code == 503
    assert (await service.client.get("/healthz")).status_code == 200
