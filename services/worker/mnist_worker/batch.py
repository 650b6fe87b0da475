"""What becomes of a batch of deliveries: some run, some have their result already, some are no jobs at all."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from mnist_bridge.deaths import breaks_dead_lettering
from mnist_bridge.errors import InferenceError, InvalidMessage, PredictionFailed
from mnist_bridge.inbox import Delivery, Lane
from mnist_bridge.requests import InferenceRequest, from_message, message_id
from mnist_bridge.results import Result, Status, expired, failed, status_of, succeeded
from mnist_bridge.spec import ModelSpec
from mnist_worker.engine import Probabilities

logger = logging.getLogger(__name__)

#: Stable code of a request that was running each time a worker died.
WORKER_CRASHED = "worker_crashed"


@dataclass(slots=True)
class Batch:
    """Deliveries of one lane that are settled together.

    Attributes:
        deliveries: all of them, in order of arrival.
        runs: those for the model, with their requests.
        results: terminal results to be stored.
        rejected: deliveries that move on to the next queue once the results are stored.
        invalid_count: how many were no jobs, on their last way: what is rejected from `jobs` comes again by `retry`.
    """

    deliveries: Sequence[Delivery]
    runs: list[tuple[Delivery, InferenceRequest]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    rejected: set[Delivery] = field(default_factory=set)
    invalid_count: int = 0

    @property
    def lane(self) -> Lane:
        """The queue that the deliveries came from."""
        return self.deliveries[0].lane

    @property
    def repeated_ids(self) -> list[str]:
        """Ids that some worker may have stored a result for already."""
        return [request.inference_id for delivery, request in self.runs if delivery.may_have_run]

    @property
    def requests(self) -> list[InferenceRequest]:
        """The requests of `runs`, in order."""
        return [request for _, request in self.runs]

    def fail(
        self, delivery: Delivery, inference_id: str | None, error: InferenceError, code: str | None = None
    ) -> None:
        """Give a delivery a failed result and send it towards the dead letters."""
        if inference_id is not None:
            self.results.append(failed(inference_id, code or error.code, str(error)))
        self.rejected.add(delivery)

    def turn_away(self, delivery: Delivery, error: InvalidMessage) -> None:
        """Fail what is no job; what RabbitMQ could not hand on is acknowledged, so deleted, instead of rejected."""
        inference_id = message_id(delivery.properties)
        self.fail(delivery, inference_id, error)
        if _is_unrejectable(delivery):
            self.rejected.discard(delivery)
            logger.error("message deleted", extra={"inference_id": inference_id, "reason": str(error)})
        self.invalid_count += delivery.lane is Lane.RETRY or delivery not in self.rejected

    def give_up(self, reason: str) -> None:
        """Fail what was to run: it kills the workers that run it."""
        for delivery, request in self.runs:
            self.fail(delivery, request.inference_id, PredictionFailed(reason), WORKER_CRASHED)
        self.runs = []

    def drop_finished(self, finished: dict[str, bytes]) -> None:
        """Take out of `runs` what has a terminal result; a failed one still belongs to the dead letters."""
        for delivery, request in self.runs:
            body = finished.get(request.inference_id)
            if body is not None and status_of(body) is Status.FAILED:
                self.rejected.add(delivery)
        self.runs = [run for run in self.runs if run[1].inference_id not in finished]

    def complete(self, predictions: Sequence[Probabilities | PredictionFailed], spec: ModelSpec) -> None:
        """Turn the model's answers, in the order of `runs`, into results."""
        for (delivery, request), prediction in zip(self.runs, predictions, strict=True):
            if isinstance(prediction, PredictionFailed):
                self.fail(delivery, request.inference_id, prediction)
            else:
                self.results.append(succeeded(request.inference_id, prediction.tolist(), spec))


def screen(deliveries: Sequence[Delivery], spec: ModelSpec, *, now_ms: int) -> Batch:
    """Sort deliveries into those that run, those whose deadline has passed and those that are no jobs."""
    batch = Batch(deliveries)
    for delivery in deliveries:
        try:
            if _is_unrejectable(delivery):
                raise InvalidMessage("header x-death is forged; only RabbitMQ may write it")
            request = from_message(delivery.properties, delivery.body, spec)
        except InvalidMessage as error:
            batch.turn_away(delivery, error)
            continue
        if request.deadline_ms <= now_ms:
            batch.results.append(expired(request.inference_id))
        else:
            batch.runs.append((delivery, request))
    return batch


def _is_unrejectable(delivery: Delivery) -> bool:
    # What comes by the retry lane has a history that RabbitMQ itself has written.
    return delivery.lane is Lane.JOBS and breaks_dead_lettering(delivery.properties)
