"""How the jobs of a batch, or any jobs of a client, stand."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from inference_api.call import is_gone
from inference_api.output import with_prefix
from inference_api.routes import JSON, RETRY_AFTER_S, preference_applied
from inference_api.served_model import ServedModel
from inference_api.submissions import Batch, Ticket
from inference_bridge.errors import StoreUnavailable
from inference_bridge.results import Status, expired, pending_body, status_of


async def respond_batch(
    request: Request, model: ServedModel, batch: Batch, *, wait_s: float = 0, is_new: bool = False
) -> Response:
    """Return the response with the states of a batch's jobs, once all are final or after `wait_s`.

    Raises:
        StoreUnavailable: the store did not answer. The client of a new batch gets its ids even then.
    """
    bodies: dict[str, bytes] = {}
    ignored = [StoreUnavailable] if is_new else []
    with model.waiters.grant_wait(wait_s) as granted_s, suppress(*ignored):
        bodies = await read_bodies(request, model, batch.jobs, granted_s)
    states = [await state_of(model, job, bodies) for job in batch.jobs]
    counts, batch_id = Counter(map(status_of, states)), batch.ticket.inference_id
    headers = preference_applied(granted_s)
    if counts[Status.PENDING]:
        headers["Retry-After"] = RETRY_AFTER_S
    if is_new:
        headers["Location"] = f"{model.url}/batch/{batch_id}"
    head = json.dumps({"batch_id": batch_id, "counts": counts})
    content = b'%b,"jobs":[%b]}' % (head[:-1].encode(), b",".join(states))
    return Response(content, 202 if is_new else 200, headers, media_type=JSON)


async def read_bodies(request: Request, model: ServedModel, jobs: Sequence[Ticket], wait_s: float) -> dict[str, bytes]:
    """Return the bodies of the results that exist, once all do or after `wait_s`."""
    ids = [job.inference_id for job in jobs]
    return await model.waiters.wait_for_all(ids, wait_s=wait_s, is_gone=lambda: is_gone(request))


async def state_of(model: ServedModel, job: Ticket, bodies: Mapping[str, bytes]) -> bytes:
    """Return a job's state as `GET …/result/{inference_id}` answers it, and `expired` where that is a 410."""
    body = bodies.get(job.inference_id)
    if body is not None:
        return with_prefix(model, body)
    if await model.submissions.is_late(job):
        return expired(job.inference_id).body
    return pending_body(job.inference_id)
