"""Jobs for tests: as a publisher sends them, and as the API would have issued them."""

import time
from dataclasses import replace

from inference_bridge.ids import TicketSigner
from inference_bridge.jobs import Job
from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC
from tests.support.deployment import TICKET_KEY

#: In the year 2096.
LATE_MS = 4_000_000_000_000
JOB_TTL_S = 900
INPUT_BYTES = 784


def marked(mark: int) -> bytes:
    """Return an input whose first pixel says what happens to it; see `tests.support.models`."""
    return bytes([mark]) + bytes(INPUT_BYTES - 1)


def a_request(
    number: int = 0, body: bytes | None = None, *, deadline_ms: int = LATE_MS, traceparent: str | None = None
) -> Job:
    """Return the job of a number; without a body it is for a model that takes four bytes, which are the number."""
    return Job(
        inference_id=f"{number:024d}",
        body=bytes([number % 256] * 4) if body is None else body,
        submitted_s=1_700_000_000,
        deadline_ms=deadline_ms,
        traceparent=traceparent,
    )


def a_job(body: bytes, *, age_s: int = 0, traceparent: str | None = None) -> Job:
    """Return a job with an id that the API of a deployment takes for its own, issued some time ago."""
    now_ms = time.time_ns() // 1_000_000
    inference_id = TicketSigner(TICKET_KEY.encode(), model=SPEC.name).issue(now_ms - age_s * 1000)
    return Job(inference_id, body, now_ms // 1000, now_ms + JOB_TTL_S * 1000, traceparent=traceparent)


def as_received(job: Job, spec: ModelSpec) -> Job:
    """Return the job as a worker gets it from a publisher of this spec."""
    return replace(job, content_type=spec.takes.content_types[0], spec_digest=spec.digest)
