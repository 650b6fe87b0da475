"""Serves a model with Celery behind FastAPI: `POST /classify` with the raw bytes waits for the task's result.

Celery reads `CELERY_BROKER_URL` and `CELERY_RESULT_BACKEND` itself.
"""

import os
from typing import Annotated, Any

import numpy as np
from celery import Celery
from celery.signals import worker_process_init
from fastapi import Depends, FastAPI, Request

from benchmarks.peers.models import Served, load

WAIT_S = 20
tasks = Celery("digits")
http = FastAPI()
loaded: dict[str, Served] = {}


@worker_process_init.connect  # type: ignore[untyped-decorator]  # mypy does not see Celery
def load_model(**_: Any) -> None:
    """Load the model once for each process of the worker."""
    loaded["model"] = load(os.environ["MODEL"])


@tasks.task  # type: ignore[untyped-decorator]  # mypy does not see Celery
def classify(body: bytes) -> list[float]:
    """Return the probabilities of one input."""
    model = loaded["model"]
    answers: list[list[float]] = model.predict_batch(np.stack([model.read(body)])).tolist()
    return answers[0]


async def read_body(request: Request) -> bytes:
    """Return the body; FastAPI itself reads JSON or forms only."""
    return await request.body()


@http.post("/classify")
def submit_and_wait(body: Annotated[bytes, Depends(read_body)]) -> list[float]:
    """Send a task and wait for its result, in a thread."""
    answer: list[float] = classify.delay(body).get(timeout=WAIT_S)
    return answer
