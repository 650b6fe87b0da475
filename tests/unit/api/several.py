"""Models of every kind of input and answer, and one API in front of all of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx
from pydantic import BaseModel, Field

from inference_api.served_model import Backend
from inference_api.settings import ApiSettings
from inference_bridge.ids import TicketSigner
from inference_bridge.jobs import Job, from_message
from inference_bridge.kinds import Bytes, File, Json, Picture, Probabilities, Tensor, Text
from inference_bridge.memory.broker import MemoryBroker
from inference_bridge.memory.store import MemoryStore
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.spec import ModelSpec
from tests.unit.api.conftest import KEY, running

WAV = b"RIFF\x24\0\0\0WAVEfmt "


class Tree(BaseModel):
    """A document that holds others of its kind."""

    name: str = Field(max_length=8)
    weight: float = Field(default=1.0, gt=0)
    branches: list["Tree"] = []


class Speed(StrEnum):
    SLOW = "slow"
    FAST = "fast"


class Options(BaseModel):
    threshold: float = Field(default=0.5, ge=0, le=1, description="least probability")
    count: int = Field(default=3, ge=1)
    is_loud: bool = False
    speed: Speed = Speed.SLOW
    language: str | None = Field(default=None, max_length=5)
    limit: int | None = None


VOICE = ModelSpec("voice", 1, File(("audio/wav", "audio/flac"), 100_000), Json(Tree), Options, WAV)
PAINT = ModelSpec("paint", 1, Picture(8, 6, "RGB"), Bytes("image/png"))
TEXT = ModelSpec("text-2", 1, Text(max_chars=20), Probabilities(2), example="grüße".encode())
TREE = ModelSpec("tree", 1, Json(Tree, max_bytes=300_000), Json(Tree), example=b'{"name":"oak"}')
TENSOR = ModelSpec("tensor", 1, Tensor("float32", (2, 3)), Probabilities(3), example=bytes(24))
ALL = [PAINT, TENSOR, TEXT, TREE, VOICE]


@dataclass
class Served:
    """One model behind the API."""

    spec: ModelSpec
    broker: MemoryBroker
    store: MemoryStore
    signer: TicketSigner

    def backend(self) -> Backend:
        publisher, depth_reader = self.broker.publisher(), self.broker.depth_reader()
        return Backend(self.spec, publisher, depth_reader, self.store, self.signer, Throughput())


@dataclass
class Several:
    """A running API of several models."""

    client: httpx.AsyncClient
    operations: httpx.AsyncClient
    served: dict[str, Served]

    async def submit(self, model: str, body: bytes, **options: Any) -> httpx.Response:
        return await self.client.post(f"/models/{model}", content=body, **options)


def some_settings(**changed: Any) -> ApiSettings:
    return ApiSettings(port=0, operations_port=0, max_bytes=100_000, max_wait_s=5, **changed)


@asynccontextmanager
async def serving(specs: Sequence[ModelSpec] = ALL, settings: ApiSettings | None = None) -> AsyncIterator[Several]:
    """Serve these models, each with a broker and a store of its own."""
    served = [
        Served(
            spec,
            MemoryBroker(spec, queue_max_length=100),
            MemoryStore(result_ttl_s=3_600),
            TicketSigner(KEY, model=spec.name),
        )
        for spec in specs
    ]
    backends = [one.backend() for one in served]
    async with running(settings or some_settings(), backends) as (client, operations, _, _):
        yield Several(client, operations, {one.spec.queue_prefix: one for one in served})


def last_job(several: Several, model: str) -> Job:
    """Return the job that was published last for a model."""
    served = several.served[model]
    message = served.broker.jobs[-1]
    return from_message(message.properties, message.body, served.spec)
