"""Calls about batches, and what of them is in the queue."""

import json
import time
from collections.abc import Sequence

import httpx

from tests.unit.api.conftest import Service
from tests.unit.api.several import Several

BATCH = "/models/mnist/batch"
BROKEN = b"not a picture"
JOB_TTL_S = 900


async def submit(service: Service, pictures: Sequence[bytes], query: str = "", /, **headers: str) -> httpx.Response:
    files = [("file", ("picture.png", picture)) for picture in pictures]
    return await service.client.post(BATCH + query, files=files, headers=headers)


def ids_of(answer: httpx.Response) -> list[str]:
    return [job["inference_id"] for job in answer.json()["jobs"]]


def statuses_of(answer: httpx.Response) -> list[str]:
    return [job["status"] for job in answer.json()["jobs"]]


def queued(service: Service) -> list[str]:
    return [str(message.properties.message_id) for message in service.broker.jobs]


async def read(service: Service, batch_id: str, query: str = "") -> httpx.Response:
    return await service.client.get(f"{BATCH}/{batch_id}{query}")


def a_batch(service: Service, count: int, age_s: float = 0) -> tuple[str, list[str]]:
    batch_id = service.signer.issue_batch(int((time.time() - age_s) * 1000), count)
    return batch_id, service.signer.items_of(batch_id)[1]


async def send(several: Several, model: str, body: object, media_type: str = "application/json") -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": media_type}
    return await several.client.post(f"/models/{model}/batch", content=content, headers=headers)


def bodies(several: Several, model: str) -> list[bytes]:
    return sorted(message.body for message in several.served[model].broker.jobs)
