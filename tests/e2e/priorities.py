"""Measures how many batches run before a job of high priority that comes behind 5,000 of low priority.

    python -m tests.e2e.priorities amqp://guest:guest@127.0.0.1:5672/%2F redis://127.0.0.1:6379/0

The user of RabbitMQ may declare queues; an API and a worker of a model of their own start here, and only they use
these servers. RabbitMQ 4.3 must keep the bar of three batches; with another version, expect the exit status 1.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx
import torch
from pydantic import BaseModel

from inference_bridge.kinds import Json, Text
from inference_bridge.spec import ModelSpec
from tests.support.deployment import Deployment

LOW, SIZE, BATCH_SIZE = 5_000, 250, 16
SECONDS_PER_BATCH = 0.1
#: Most batches of a worker that may run before the job: the worker holds no more.
MOST = 3


class Turn(BaseModel):
    """The batch of a job: its number, and when it began, seconds since 1970."""

    batch: int
    began_s: float


SPEC = ModelSpec("turns", 1, takes=Text(), answers=Json(Turn), example=b"a job")


class Turns:
    """Answers which of its batches a job was in, and takes a while for each."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self) -> None:
        self._count = 0

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model, which has no weights."""
        return cls()

    def predict_batch(self, batch: Sequence[str]) -> list[Turn]:
        """Return the turn of each text."""
        self._count += 1
        turn = Turn(batch=self._count, began_s=time.time())
        time.sleep(SECONDS_PER_BATCH)
        return [turn] * len(batch)


def main(amqp_url: str, redis_url: str) -> int:
    """Print the figures; return 0 if the bar is kept."""
    with tempfile.TemporaryDirectory() as name:
        keys = Path(name) / "keys.toml"
        keys.write_text(f'[measure]\nsha256 = ["{sha256(b"measure").hexdigest()}"]\nhigh_priority = true\n')
        environment = {
            "INFERENCE_MODELS": "tests.e2e.priorities:SPEC",
            "INFERENCE_MODEL": "tests.e2e.priorities:Turns",
            "INFERENCE_MAX_BATCH_SIZE": str(BATCH_SIZE),
            "INFERENCE_API_KEYS_FILE": str(keys),
        }
        with Deployment(Path(name), amqp_url=amqp_url, redis_url=redis_url, **environment) as deployment:
            return _measure(deployment)


def _measure(deployment: Deployment) -> int:
    api = deployment.api().wait_until_ready()
    with httpx.Client(base_url=f"{api.url}/models/turns", headers={"Authorization": "Bearer measure"}) as client:
        client.timeout = httpx.Timeout(60)
        batches = [_post(client, "/batch?priority=low", ["low"] * SIZE)["batch_id"] for _ in range(LOW // SIZE)]
        deployment.worker().wait_until_ready()
        _read(client, batches[0])  # the worker has found its batch size
        accepted_s = time.time()
        high = _post(client, "/batch?priority=high", ["high"])["batch_id"]
        [turn] = _read(client, high)
        low = [one for batch_id in batches for one in _read(client, batch_id)]
    running = max(one["batch"] for one in low if one["began_s"] <= accepted_s)
    before = turn["batch"] - running
    after = sum(one["batch"] > turn["batch"] for one in low)
    print(f"batches before the job of high priority: {before}; jobs of low priority after it: {after}")  # noqa: T201
    return 0 if before <= MOST and after else 1


def _post(client: httpx.Client, path: str, texts: list[str]) -> dict[str, Any]:
    answer = client.post(path, json=texts).raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _read(client: httpx.Client, batch_id: str) -> list[dict[str, Any]]:
    """Return the turns of a batch, once all its jobs are done."""
    while True:
        jobs = client.get(f"/batch/{batch_id}?wait=20").raise_for_status().json()["jobs"]
        if all(job["status"] == "succeeded" for job in jobs):
            return [job["output"] for job in jobs]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
