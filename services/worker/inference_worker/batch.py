"""A batch of deliveries: some run, some have a result already, some are foreign messages."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from inference_bridge.errors import InferenceError, InvalidInput, InvalidMessage, PredictionFailed
from inference_bridge.inbox import Delivery, Lane
from inference_bridge.jobs import Job, deadline_ms, from_message, message_id, webhook_of
from inference_bridge.rabbitmq.x_death import breaks_dead_lettering
from inference_bridge.results import Result, Status, expired, failed, is_refused, status_of
from inference_bridge.settings import GRACE_S
from inference_bridge.spec import ModelSpec
from inference_worker.failures import Failure
from inference_worker.items import Item
from inference_worker.timeline import with_timeline

logger = logging.getLogger(__name__)

#: Stable error code of a poison job, which was running each time a worker died.
WORKER_CRASHED = "worker_crashed"
#: Most characters of a failure's message: a model may quote its input.
MAX_MESSAGE_CHARS = 1_000
#: Time after the deadline in which a result may still be sent to the store. `GRACE_S` after the deadline the API
#: answers that the id has expired; no result may appear later. The other half is for clocks that differ and the call.
LATE_MS = GRACE_S * 1000 // 2


@dataclass(slots=True)
class Batch:
    """Deliveries of one lane that are settled together.

    Attributes:
        deliveries: all of them, in order of arrival.
        to_run: the deliveries that the model runs, with their jobs.
        items: the items of the deliveries in `to_run`; see `take_items`.
        results: final results; see `results_at`.
        rejected: deliveries to reject once the results are stored.
        invalid_count: number of foreign messages, counted once: when they leave the retry queue or are deleted.
        started_ns: when the model began, nanoseconds since 1970; 0 until then.
        finished_ns: when the model had answered; 0 until then.
        predict_s: seconds that the model took.
    """

    deliveries: Sequence[Delivery]
    to_run: list[tuple[Delivery, Job]] = field(default_factory=list)
    items: dict[Delivery, Item] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    rejected: set[Delivery] = field(default_factory=set)
    invalid_count: int = 0
    started_ns: int = 0
    finished_ns: int = 0
    predict_s: float = 0.0
    _deadlines_ms: dict[str, int] = field(default_factory=dict)
    _timed: dict[str, Delivery] = field(default_factory=dict)
    _webhooks: dict[str, str] = field(default_factory=dict)

    @property
    def lane(self) -> Lane:
        """The queue that the deliveries came from."""
        return self.deliveries[0].lane

    @property
    def jobs(self) -> list[Job]:
        """The jobs in `to_run`, in order."""
        return [job for _, job in self.to_run]

    @property
    def ids(self) -> list[str]:
        """The ids of the jobs in `to_run`, in order."""
        return [job.inference_id for _, job in self.to_run]

    def add(self, delivery: Delivery, job: Job) -> None:
        """Add a delivery with its job."""
        self.to_run.append((delivery, job))
        if job.has_timeline:
            self._timed[job.inference_id] = delivery
        self._note_deadline(job.inference_id, job.deadline_ms)
        self._note_webhook(job.inference_id, job.webhook)

    def fail(
        self, delivery: Delivery, inference_id: str | None, error: InferenceError, code: str | None = None
    ) -> None:
        """Give a delivery a failed result and reject it."""
        if inference_id is not None:
            self.results.append(failed(inference_id, code or error.code, str(error)[:MAX_MESSAGE_CHARS]))
        self.rejected.add(delivery)

    def reject_invalid(self, delivery: Delivery, error: InvalidMessage) -> None:
        """Fail a foreign message; if RabbitMQ could not dead-letter it, acknowledge it, which deletes it."""
        inference_id, deadline = message_id(delivery.properties), deadline_ms(delivery.properties)
        self.fail(delivery, inference_id, error)
        self._note_webhook(inference_id or "", webhook_of(delivery.properties))
        if inference_id is not None and deadline is not None:
            self._note_deadline(inference_id, deadline)
        if _is_unrejectable(delivery):
            self.rejected.discard(delivery)
            logger.error("message deleted", extra={"inference_id": inference_id, "reason": str(error)})
        comes_again = delivery.lane is Lane.JOBS and delivery in self.rejected
        if not comes_again:
            self.invalid_count += 1

    def fail_poison(self, reason: str) -> None:
        """Fail the jobs in `to_run`, because they kill their workers."""
        for delivery, job in self.to_run:
            self.fail(delivery, job.inference_id, PredictionFailed(reason), WORKER_CRASHED)
        self.to_run = []

    def drop_finished(self, finished: dict[str, bytes]) -> list[Result]:
        """Remove jobs with a result from `to_run`; reject a failed job, unless its client is at fault.

        Returns the results with a webhook: a process that knew no webhook may have stored them.
        """
        for delivery, job in self.to_run:
            body = finished.get(job.inference_id)
            if body is not None and status_of(body) is Status.FAILED and not is_refused(body):
                self.rejected.add(delivery)
        self.to_run = [run for run in self.to_run if run[1].inference_id not in finished]
        return [
            Result(key, status_of(body), body, webhook=self._webhooks[key])
            for key, body in finished.items()
            if key in self._webhooks
        ]

    def spare_canceled(self, finished: dict[str, bytes]) -> None:
        """Do not reject jobs that were canceled while they ran: a dead letter of them would help nobody."""
        ids = {inference_id for inference_id, body in finished.items() if status_of(body) is Status.CANCELED}
        self.rejected = {delivery for delivery in self.rejected if message_id(delivery.properties) not in ids}

    def expire_late(self, *, now_ms: int) -> None:
        """Remove jobs past their deadline from `to_run` as expired; call right before the batch runs."""
        for _, job in self.to_run:
            if job.deadline_ms <= now_ms:
                self.results.append(expired(job.inference_id))
        self.to_run = [run for run in self.to_run if run[1].deadline_ms > now_ms]

    def take_items(self, items: Sequence[Item | Failure]) -> None:
        """Keep the items of the jobs in `to_run`, in order; fail the jobs that have none."""
        self.items = {
            delivery: item for (delivery, _), item in zip(self.to_run, items, strict=True) if isinstance(item, Item)
        }
        self._fail_some(items)
        self.to_run = [run for run in self.to_run if run[0] in self.items]

    def complete(self, results: Sequence[Result | Failure]) -> None:
        """Take the results of the jobs in `to_run`, in order; fail the jobs that have none."""
        self.results += [result for result in results if isinstance(result, Result)]
        self._fail_some(results)

    def _fail_some(self, outcomes: Sequence[object]) -> None:
        for (delivery, job), outcome in zip(self.to_run, outcomes, strict=True):
            if isinstance(outcome, InferenceError):
                self.fail(delivery, job.inference_id, outcome)
            if isinstance(outcome, InvalidInput):
                self.rejected.discard(delivery)  # a replay would fail too: a dead letter would help nobody

    def results_at(self, now_ms: int) -> list[Result]:
        """Return the results to store now; a result that is ready too late becomes expired."""
        results = [
            self._with_webhook(expired(key) if self._is_overdue(key, now_ms) else result)
            for key, result in ((result.inference_id, result) for result in self.results)
        ]
        if not self._timed:
            return results
        ran = set(self.ids)
        return [self._finish(result, ran) for result in results]

    def _finish(self, result: Result, ran: set[str]) -> Result:
        delivery = self._timed.get(result.inference_id)
        if delivery is None:
            return result
        run_ns = (self.started_ns, self.finished_ns) if result.inference_id in ran else None
        return with_timeline(result, delivery.received_ns, run_ns=run_ns, batch_size=len(ran))

    def _note_webhook(self, inference_id: str, webhook: str) -> None:
        if webhook:
            self._webhooks[inference_id] = webhook

    def _with_webhook(self, result: Result) -> Result:
        webhook = self._webhooks.get(result.inference_id)
        return replace(result, webhook=webhook) if webhook else result

    def _note_deadline(self, inference_id: str, deadline_ms: int) -> None:
        # A replayed job has a later deadline than an earlier copy of it.
        self._deadlines_ms[inference_id] = max(deadline_ms, self._deadlines_ms.get(inference_id, 0))

    def _is_overdue(self, inference_id: str, now_ms: int) -> bool:
        return now_ms > self._deadlines_ms.get(inference_id, now_ms) + LATE_MS


def screen(deliveries: Sequence[Delivery], spec: ModelSpec) -> Batch:
    """Return the deliveries as a batch: jobs to run, and foreign messages failed."""
    batch = Batch(deliveries)
    for delivery in deliveries:
        try:
            if _is_unrejectable(delivery):
                raise InvalidMessage("header x-death is forged; only RabbitMQ may write it")
            job = from_message(delivery.properties, delivery.body, spec)
        except InvalidMessage as error:
            batch.reject_invalid(delivery, error)
        else:
            batch.add(delivery, job)
    return batch


def _is_unrejectable(delivery: Delivery) -> bool:
    # On the retry lane RabbitMQ itself has written the header.
    return delivery.lane is Lane.JOBS and breaks_dead_lettering(delivery.properties)
