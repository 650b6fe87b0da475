"""An engine for tests, and the way of jobs through it without a worker."""

import json
from typing import Any, cast

from inference_bridge.errors import InferenceError
from inference_bridge.jobs import Job
from inference_worker.engine import Engine
from inference_worker.items import Item
from inference_worker.model import Model

MAX_RESULT_BYTES = 4_096


def engine_of(model: object, *, forward_timeout_s: float = 5, decode_threads: int = 2) -> Engine:
    """Return an engine whose largest batch is 8."""
    return Engine(
        cast("Model", model),
        max_batch_size=8,
        forward_timeout_s=forward_timeout_s,
        decode_threads=decode_threads,
        max_result_bytes=MAX_RESULT_BYTES,
    )


async def outcomes_of(engine: Engine, *jobs: Job) -> list[Any]:
    """Return the result of each job as an object, its output if it has one, or the code of its error."""
    items = await engine.read(jobs)
    runs = [(position, item) for position, item in enumerate(items) if isinstance(item, Item)]
    prediction = await engine.predict([item for _, item in runs])
    ids = [jobs[position].inference_id for position, _ in runs]
    outcomes: list[Any] = list(items)
    for (position, _), outcome in zip(runs, await engine.encode(ids, prediction.answers), strict=True):
        outcomes[position] = outcome
    return [_plain(outcome) for outcome in outcomes]


def _plain(outcome: Any) -> Any:
    if isinstance(outcome, InferenceError):
        return outcome.code
    return json.loads(outcome.body) if outcome.output is None else outcome.output
