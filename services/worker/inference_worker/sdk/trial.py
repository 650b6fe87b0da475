"""Runs a model as a worker runs it, and remembers why a batch failed."""

import asyncio
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from inference_bridge.errors import InferenceError
from inference_bridge.jobs import Job
from inference_bridge.results import Result
from inference_worker.answers import check_count
from inference_worker.engine import Engine
from inference_worker.failures import Failure
from inference_worker.items import Item, ItemReader
from inference_worker.model import Model

#: Seconds after which a call of the model counts as hung.
TIMEOUT_S = 600.0
#: The default of INFERENCE_MAX_RESULT_BYTES.
MAX_RESULT_BYTES = 1_048_576
_ID = "A" * 24


@dataclass(frozen=True)
class Outcome:
    """The results of some inputs.

    Attributes:
        results: one for each input, in order.
        reason: the last error of the model's code, with its place; empty if there was none.
        batch_reason: why a batch of several items failed, so that parts of it ran again; empty if none did.
    """

    results: list[Result | Failure]
    reason: str
    batch_reason: str


class Trial:
    """A model in an engine, on an event loop of its own.

    Args:
        model: loaded.
        max_batch_size: largest batch.
    """

    def __init__(self, model: Model, *, max_batch_size: int) -> None:
        self.spec = model.spec
        self.reads_in_threads = not ItemReader(model).is_immediate
        self._watched = _Watched(model)
        self._runner = asyncio.Runner()
        self._engine = Engine(
            cast("Model", self._watched),
            max_batch_size=max_batch_size,
            forward_timeout_s=TIMEOUT_S,
            decode_threads=2,
            max_result_bytes=MAX_RESULT_BYTES,
        )

    def close(self) -> None:
        """End the threads and the loop."""
        self._engine.close()
        self._runner.close()

    def run(self, bodies: Sequence[bytes]) -> Outcome:
        """Return the results of inputs that arrive together."""
        self._watched.reason = self._watched.batch_reason = ""
        results = self._runner.run(self._run(self.read(bodies)))
        return Outcome(results, self._watched.reason, self._watched.batch_reason)

    def read(self, bodies: Sequence[bytes]) -> list[Item | Failure]:
        """Return the items of inputs; calls the model's `decode` and `group`."""
        jobs = [Job(_ID, body, submitted_s=0, deadline_ms=0) for body in bodies]
        return self._runner.run(self._engine.read(jobs))

    def predict(self, items: Sequence[Item]) -> bool:
        """Run a batch of one group; return whether it ran in one call."""
        self._watched.reason = ""
        self._runner.run(self._engine.predict(items))
        return not self._watched.reason

    async def _run(self, read: list[Item | Failure]) -> list[Result | Failure]:
        items = [item for item in read if isinstance(item, Item)]
        prediction = await self._engine.predict(items)
        answered = iter(await self._engine.encode([_ID] * len(items), prediction.answers))
        return [next(answered) if isinstance(one, Item) else one for one in read]


class _Watched:
    """A model that remembers the last error of its code."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.spec = model.spec
        self.reason = self.batch_reason = ""
        for name in ("decode", "group"):
            if hasattr(model, name):
                setattr(self, name, partial(self._watch, getattr(model, name)))

    def predict_batch(self, items: Any) -> Any:
        """Answer a batch; the number of its answers is checked here too, so that a wrong one is remembered."""
        try:
            return self._watch(self._answer, items)
        except Exception:
            if len(items) > 1:
                self.batch_reason = self.batch_reason or self.reason
            raise

    def _answer(self, items: Any) -> Any:
        return check_count(self._model.predict_batch(items), len(items))

    def _watch(self, call: Callable[[Any], Any], given: Any) -> Any:
        try:
            return call(given)
        except Exception as error:
            self.reason = describe_error(error)
            raise


def describe_error(error: Exception) -> str:
    """Return an error in words, with the line of code that raised it."""
    if isinstance(error, InferenceError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    at = next((frame for frame in reversed(frames) if "site-packages" not in frame.filename), frames[-1])
    return f"{type(error).__name__}: {error} ({Path(at.filename).name}, line {at.lineno})"
