"""Runs a model: reads items, runs batches in the one thread that uses the device, splits a batch that fails."""

import logging
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from inference_bridge.errors import ConfigurationError, InvalidInput
from inference_bridge.jobs import Job
from inference_bridge.results import Result
from inference_worker.answers import check_count, needs_threads, to_result
from inference_worker.device import is_out_of_memory
from inference_worker.failures import Failure, check_device, failure_of
from inference_worker.items import Item, ItemReader
from inference_worker.model import Model
from inference_worker.threads import Threads

logger = logging.getLogger(__name__)

#: Groups whose largest batch is remembered; the oldest is forgotten first.
MAX_GROUPS = 1_024


class Prediction(NamedTuple):
    """A model's answers to a batch.

    Attributes:
        answers: one for each item, not checked yet; a `Failure` where there is none.
        has_raised: the model has raised, so that the time is not that of a batch of this size.
    """

    answers: Sequence[Any]
    has_raised: bool


class Engine:
    """Runs a model without blocking the event loop; `predict` is for one caller at a time.

    Args:
        model: loaded; one thread uses the device, others decode.
        max_batch_size: largest batch; becomes smaller when the device runs out of memory.
        forward_timeout_s: seconds after which a call of the model counts as hung and the process must restart.
        decode_threads: threads that decode inputs and encode answers.
        max_result_bytes: most bytes of a result.
    """

    def __init__(
        self,
        model: Model,
        *,
        max_batch_size: int,
        forward_timeout_s: float,
        decode_threads: int,
        max_result_bytes: int,
    ) -> None:
        self._model = model
        self._reader = ItemReader(model)
        self._device = Threads(1, name="a forward pass", timeout_s=forward_timeout_s)
        self._decoders = Threads(decode_threads, name="the decoding of an input", timeout_s=forward_timeout_s)
        self._max_result_bytes = max_result_bytes
        self._max_batch_size = max_batch_size
        self._ceilings: dict[Hashable, int] = {}
        self._has_raised = False

    @property
    def max_batch_size(self) -> int:
        """Most items that the device can hold in one batch; one large group does not lower it."""
        return self._max_batch_size if self._reader.has_groups else self._ceiling(None)

    async def warm_up(self) -> None:
        """Run batches of one and of `max_batch_size`, so that the first job needs no initialisation.

        Raises:
            DeviceLost: the device has failed, or the model hangs.
            ConfigurationError: the model cannot answer its own example.
        """
        [example] = await self.read([self._reader.example()])
        if isinstance(example, Item):
            for batch_size in (1, self._max_batch_size):
                for answer in (await self.predict([example] * batch_size)).answers:
                    _refuse_failure(answer)
        else:
            _refuse_failure(example)

    async def read(self, jobs: Sequence[Job]) -> list[Item | Failure]:
        """Return the item of each job, in order, or its own error; decoding runs in threads.

        Raises:
            DeviceLost: a decoding hangs.
        """
        if self._reader.is_immediate:
            return [self._reader.read(job) for job in jobs]
        return await self._decoders.map(self._reader.read, jobs)

    async def predict(self, items: Sequence[Item]) -> Prediction:
        """Return the model's answers; items of an equal group share a batch.

        Raises:
            DeviceLost: the device has failed; no item has an answer.
        """
        self._has_raised = False
        answers: list[Any] = [None] * len(items)
        for group, positions in _positions_by_group(items).items():
            found = await self._predict_group(group, [items[position].value for position in positions])
            for position, answer in zip(positions, found, strict=True):
                answers[position] = answer
        return Prediction(answers, self._has_raised)

    async def encode(self, ids: Iterable[str], answers: Iterable[Any]) -> list[Result | Failure]:
        """Return the result of each job, or its own error; long documents are written in threads.

        Raises:
            DeviceLost: a document hangs.
        """
        pairs = zip(ids, answers, strict=True)
        if needs_threads(self._model.spec):
            return await self._decoders.map(self._encode, pairs)
        return [self._encode(pair) for pair in pairs]

    def close(self) -> None:
        """End the threads after their current calls."""
        self._device.close()
        self._decoders.close()

    def _encode(self, pair: tuple[str, Any]) -> Result | Failure:
        inference_id, answer = pair
        if isinstance(answer, Exception):
            return failure_of(answer)
        return to_result(inference_id, answer, self._model.spec, max_bytes=self._max_result_bytes)

    async def _predict_group(self, group: Hashable, values: Sequence[Any]) -> list[Any]:
        answers: list[Any] = []
        while len(answers) < len(values):
            size = self._ceiling(group)
            answers += await self._isolate(group, values[len(answers) : len(answers) + size])
        return answers

    async def _isolate(self, group: Hashable, values: Sequence[Any]) -> list[Any]:
        try:
            return await self._device.run(self._forward, values)
        # The boundary to a model's code: any exception is an error of the batch.
        except Exception as error:
            check_device(error)
            self._has_raised = True
            if len(values) == 1:
                return [failure_of(error)]
            if is_out_of_memory(error):
                self._lower_ceiling(group, len(values))
        half = len(values) // 2
        return await self._isolate(group, values[:half]) + await self._isolate(group, values[half:])

    def _forward(self, values: Sequence[Any]) -> list[Any]:
        return check_count(self._model.predict_batch(self._reader.join(values)), len(values))

    def _ceiling(self, group: Hashable) -> int:
        return self._ceilings.get(group, self._max_batch_size)

    def _lower_ceiling(self, group: Hashable, batch_size: int) -> None:
        self._ceilings[group] = max(1, min(self._ceiling(group), batch_size // 2))
        if len(self._ceilings) > MAX_GROUPS:
            del self._ceilings[next(iter(self._ceilings))]
        logger.warning("device out of memory, batch ceiling lowered", extra={"max_batch_size": self._ceilings[group]})


def _positions_by_group(items: Sequence[Item]) -> dict[Hashable, list[int]]:
    positions: dict[Hashable, list[int]] = {}
    for position, item in enumerate(items):
        positions.setdefault(item.group, []).append(position)
    return positions


def _refuse_failure(answer: object) -> None:
    if isinstance(answer, InvalidInput):
        logger.warning("model refuses its own example, so it stays cold", extra={"error": str(answer)})
    elif isinstance(answer, Exception):
        remedy = "the log says why above, and `python -m inference_worker check` in one line"
        raise ConfigurationError(f"the model cannot answer its example: {answer}; {remedy}") from answer
