"""The API over real HTTP, in this process, in front of the stand-ins; the tests play the worker."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from PIL import Image, ImageDraw
from prometheus_client import CollectorRegistry

from inference_api.http.server import Server
from inference_api.served_model import Backend
from inference_api.settings import ApiSettings
from inference_api.waiters import Waiters
from inference_api.wiring import wire_server
from inference_bridge.errors import StoreUnavailable
from inference_bridge.ids import TicketSigner
from inference_bridge.memory.broker import MemoryBroker
from inference_bridge.memory.store import MemoryStore
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.results import classified
from mnist_model.spec import SPEC
from tests.support.pictures import encoded

KEY = b"a key of sixteen"
TIMEOUT_S = 10.0


class SwitchableStore(MemoryStore):
    """A store that does not answer while `is_away`, and tells nobody of a result while it `loses_notifications`."""

    is_away = False
    loses_notifications = False

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        if self.is_away:
            raise StoreUnavailable("Redis did not answer; try again later")
        return await super().get(inference_ids)

    async def ping(self) -> None:
        await self.get([])

    async def notifications(self) -> AsyncGenerator[list[str], None]:
        async with aclosing(super().notifications()) as notifications:
            async for ids in notifications:
                if not (ids and self.loses_notifications):
                    yield ids


@dataclass
class Service:
    """A running API, a client of each of its ports, and the stand-ins behind it."""

    client: httpx.AsyncClient
    operations: httpx.AsyncClient
    broker: MemoryBroker
    store: SwitchableStore
    signer: TicketSigner
    server: Server
    waiters: Waiters
    serving: asyncio.Task[None]

    async def submit(self, picture: bytes | None = None, /, **headers: str) -> httpx.Response:
        """Submit a picture the way curl's `--form file=@…` does."""
        files = {"file": ("picture.png", a_picture() if picture is None else picture)}
        return await self.client.post("/classify", files=files, headers=headers)

    async def metrics(self) -> str:
        """Return what Prometheus would read."""
        return (await self.operations.get("/metrics")).text

    async def answer(self, inference_id: str, predicted_class: int = 3) -> None:
        """Store a result as a worker would."""
        probabilities = [float(number == predicted_class) for number in range(10)]
        await self.store.put([classified(inference_id, probabilities, SPEC)])


@pytest.fixture
def settings() -> ApiSettings:
    return ApiSettings(port=0, operations_port=0, max_bytes=100_000, max_wait_s=5, queue_max_length=3)


@asynccontextmanager
async def running(
    settings: ApiSettings, backends: Sequence[Backend]
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient, Server, asyncio.Task[None]]]:
    """Run a server of these models; yield a client of each of its ports, the server, and its task."""
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = wire_server(settings, backends, registry=CollectorRegistry(), on_listening=listening.set_result)
    serving = asyncio.create_task(server.serve())
    async with (
        httpx.AsyncClient(base_url=await listening, timeout=TIMEOUT_S) as client,
        httpx.AsyncClient(base_url=server.operations.url, timeout=TIMEOUT_S) as operations,
    ):
        yield client, operations, server, serving
    server.should_exit = True
    await asyncio.wait_for(serving, TIMEOUT_S)


@pytest.fixture
async def service(settings: ApiSettings) -> AsyncIterator[Service]:
    broker = MemoryBroker(SPEC, queue_max_length=settings.queue_max_length)
    store = SwitchableStore(result_ttl_s=settings.result_ttl_s)
    signer = TicketSigner(KEY, model=SPEC.name)
    backend = Backend(SPEC, broker.publisher(), broker.depth_reader(), store, signer, Throughput())
    async with running(settings, [backend]) as (client, operations, server, serving):
        yield Service(client, operations, broker, store, signer, server, server.waiters[0], serving)


def a_picture(number: int = 0, *, mode: str = "L", format: str = "PNG") -> bytes:
    """Return a small picture with a stroke in it; another number, another picture."""
    image = Image.new("L", (28, 28), 0)
    ImageDraw.Draw(image).line([(14, 5), (14 + number % 8, 22)], fill=255, width=3)
    return encoded(image.convert(mode), format)
