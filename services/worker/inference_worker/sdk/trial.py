"""Runs a model as a worker runs it, and remembers why a batch failed."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from inference_bridge.errors import InferenceError
from inference_bridge.jobs import Job
from inference_bridge.results import Result
from inference_worker.answers import check_count
from inference_worker.engine import Engine
from inference_worker.failures import Failure, describe_error
from inference_worker.items import Item, ItemReader
from inference_worker.model import Model

_ID = "A" * 24


class Trial:
    """A model in an engine, on an event loop of its own.

    Args:
        model: loaded.
        max_batch_size: largest batch.

    Attributes:
        unchecked: what the steps could not check, and why.
        watched: the model; it has the reasons of the last run.
    """

    def __init__(self, model: Model, *, max_batch_size: int) -> None:
        self.spec = model.spec
        self.reads_in_threads = not ItemReader(model).is_immediate
        self.unchecked: list[str] = []
        self.watched = cast("Any", _Watched(model))
        self._runner = asyncio.Runner()
        self._engine = Engine(
            self.watched, max_batch_size=max_batch_size, forward_timeout_s=600, decode_threads=2, max_result_bytes=2**20
        )

    def close(self) -> None:
        """End the threads and the loop."""
        self._engine.close()
        self._runner.close()

    def run(self, bodies: Sequence[bytes]) -> list[Result | Failure]:
        """Return the results of inputs that arrive together, in order."""
        self.watched.reason = self.watched.batch_reason = ""
        return self._runner.run(self._run(self.read(bodies)))

    def read(self, bodies: Sequence[bytes]) -> list[Item | Failure]:
        """Return the items of inputs; calls the model's `decode` and `group`."""
        jobs = [Job(_ID, body, submitted_s=0, deadline_ms=0) for body in bodies]
        return self._runner.run(self._engine.read(jobs))

    def predict(self, items: Sequence[Item]) -> bool:
        """Run a batch of one group; return whether it ran in one call."""
        self.watched.reason = ""
        self._runner.run(self._engine.predict(items))
        return not self.watched.reason

    async def _run(self, read: list[Item | Failure]) -> list[Result | Failure]:
        items = [item for item in read if isinstance(item, Item)]
        prediction = await self._engine.predict(items)
        answered = iter(await self._engine.encode([_ID] * len(items), prediction.answers))
        return [next(answered) if isinstance(one, Item) else one for one in read]


class _Watched:
    """A model that remembers the last errors of its code.

    Attributes:
        reason: the last error; empty if there was none.
        batch_reason: why a batch of several items failed, so that parts of it ran again; empty if none did.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.spec = model.spec
        self.reason = self.batch_reason = ""
        if hasattr(model, "decode"):
            self.decode = partial(self._watch, "decode")
        if hasattr(model, "group"):
            self.group = partial(self._watch, "group")

    def predict_batch(self, items: Any) -> Any:
        """Answer a batch; the number of its answers is checked here too, so that a wrong one is remembered."""
        try:
            return self._watch("predict_batch", items)
        except Exception:
            if len(items) > 1:
                self.batch_reason = self.batch_reason or self.reason
            raise

    def _watch(self, name: str, given: Any) -> Any:
        try:
            returned = getattr(self._model, name)(given)
            if name == "group":
                hash(returned)
            return check_count(returned, len(given)) if name == "predict_batch" else returned
        except Exception as error:
            self.reason = ("" if isinstance(error, InferenceError) else f"`{name}` raised ") + describe_error(error)
            raise
