"""What becomes of a batch of deliveries: some run, some have their result already, some are no jobs at all."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from inference_bridge.errors import InferenceError, InvalidMessage, PredictionFailed
from inference_bridge.inbox import Delivery, Lane
from inference_bridge.rabbitmq.x_death import breaks_dead_lettering
from inference_bridge.requests import InferenceRequest, deadline_ms, from_message, message_id
from inference_bridge.results import Result, Status, expired, failed, status_of, succeeded
from inference_bridge.settings import GRACE_S
from inference_bridge.spec import ModelSpec
from inference_worker.engine import Probabilities

logger = logging.getLogger(__name__)

#: Stable code of a request that was running each time a worker died.
WORKER_CRASHED = "worker_crashed"
#: How long after its deadline a result may still be sent to the store; from `GRACE_S` after it on the API answers
#: that the id has expired, and may not be contradicted. The other half is for clocks that differ and for the way.
LATE_MS = GRACE_S * 1000 // 2


@dataclass(slots=True)
class Batch:
    """Deliveries of one lane that are settled together.

    Attributes:
        deliveries: all of them, in order of arrival.
        runs: those for the model, with their requests.
        results: terminal results, `results_at` says which of them may be stored.
        rejected: deliveries that move on to the next queue once the results are stored.
        invalid_count: invalid messages, counted once: a message that is rejected from `jobs` comes again by `retry`.
    """

    deliveries: Sequence[Delivery]
    runs: list[tuple[Delivery, InferenceRequest]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    rejected: set[Delivery] = field(default_factory=set)
    invalid_count: int = 0
    _deadlines_ms: dict[str, int] = field(default_factory=dict)

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

    def add(self, delivery: Delivery, request: InferenceRequest) -> None:
        """Add a delivery that is a job."""
        self.runs.append((delivery, request))
        self._note_deadline(request.inference_id, request.deadline_ms)

    def fail(
        self, delivery: Delivery, inference_id: str | None, error: InferenceError, code: str | None = None
    ) -> None:
        """Give a delivery a failed result and send it towards the dead letters."""
        if inference_id is not None:
            self.results.append(failed(inference_id, code or error.code, str(error)))
        self.rejected.add(delivery)

    def reject_invalid(self, delivery: Delivery, error: InvalidMessage) -> None:
        """Fail what is no job; what RabbitMQ could not hand on is acknowledged, so deleted, instead of rejected."""
        inference_id, deadline = message_id(delivery.properties), deadline_ms(delivery.properties)
        self.fail(delivery, inference_id, error)
        if inference_id is not None and deadline is not None:
            self._note_deadline(inference_id, deadline)
        if _is_unrejectable(delivery):
            self.rejected.discard(delivery)
            logger.error("message deleted", extra={"inference_id": inference_id, "reason": str(error)})
        comes_again = delivery.lane is Lane.JOBS and delivery in self.rejected
        if not comes_again:
            self.invalid_count += 1

    def fail_poison(self, reason: str) -> None:
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

    def expire_late(self, *, now_ms: int) -> None:
        """Take out of `runs` what is too late to be worth it; call right before the rest runs."""
        for _, request in self.runs:
            if request.deadline_ms <= now_ms:
                self.results.append(expired(request.inference_id))
        self.runs = [run for run in self.runs if run[1].deadline_ms > now_ms]

    def complete(self, predictions: Sequence[Probabilities | PredictionFailed], spec: ModelSpec) -> None:
        """Turn the model's answers, in the order of `runs`, into results."""
        for (delivery, request), prediction in zip(self.runs, predictions, strict=True):
            if isinstance(prediction, PredictionFailed):
                self.fail(delivery, request.inference_id, prediction)
            else:
                self.results.append(succeeded(request.inference_id, prediction.tolist(), spec))

    def results_at(self, now_ms: int) -> list[Result]:
        """Return the results as they may be sent to the store now: what is ready too late has expired."""
        return [
            expired(result.inference_id) if self._is_overdue(result.inference_id, now_ms) else result
            for result in self.results
        ]

    def _note_deadline(self, inference_id: str, deadline_ms: int) -> None:
        # A job that was given a second life comes with a later one than a copy of it from its first.
        self._deadlines_ms[inference_id] = max(deadline_ms, self._deadlines_ms.get(inference_id, 0))

    def _is_overdue(self, inference_id: str, now_ms: int) -> bool:
        return now_ms > self._deadlines_ms.get(inference_id, now_ms) + LATE_MS


def screen(deliveries: Sequence[Delivery], spec: ModelSpec) -> Batch:
    """Sort deliveries into those that are jobs and those that are none."""
    batch = Batch(deliveries)
    for delivery in deliveries:
        try:
            if _is_unrejectable(delivery):
                raise InvalidMessage("header x-death is forged; only RabbitMQ may write it")
            request = from_message(delivery.properties, delivery.body, spec)
        except InvalidMessage as error:
            batch.reject_invalid(delivery, error)
        else:
            batch.add(delivery, request)
    return batch


def _is_unrejectable(delivery: Delivery) -> bool:
    # What comes by the retry lane has a history that RabbitMQ itself has written.
    return delivery.lane is Lane.JOBS and breaks_dead_lettering(delivery.properties)
