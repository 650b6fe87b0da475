"""The spans of a batch: its own, and those in the trace of each of its jobs."""

from typing import TYPE_CHECKING

from inference_bridge.ids import issued_ms
from inference_bridge.spec import ModelSpec
from inference_worker.batch import Batch

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

_SAMPLED = 1


def record_batch(tracer: "Tracer", batch: Batch, spec: ModelSpec, *, stored_ns: int) -> None:
    """Record a batch whose results are stored: a span with links to its jobs, and three spans for each job.

    A job without a `traceparent`, or whose trace is not recorded, has none of them.
    """
    traced = [(delivery, job, job.traceparent) for delivery, job in batch.to_run if _is_sampled(job.traceparent)]
    if not traced:
        return
    times = batch.started_ns, batch.finished_ns
    size: dict[str, str | int] = {"inference.model": spec.message_type, "inference.batch_size": len(batch.to_run)}
    links = [str(traceparent) for _, _, traceparent in traced]
    whole = tracer.record("batch", None, *times, links=links, attributes=size)
    for delivery, job, traceparent in traced:
        accepted_ns = issued_ms(job.inference_id) * 1_000_000
        named: dict[str, str | int] = {"inference.id": job.inference_id}
        tracer.record("wait in the queue", traceparent, accepted_ns, delivery.received_ns, attributes=named)
        tracer.record("run in a batch", traceparent, *times, links=[whole], attributes=size)
        tracer.record("store", traceparent, batch.finished_ns, stored_ns)


def _is_sampled(traceparent: str | None) -> bool:
    return traceparent is not None and bool(int(traceparent[-2:], 16) & _SAMPLED)
