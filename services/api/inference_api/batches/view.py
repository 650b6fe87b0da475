"""How the jobs of a batch, or any jobs of a client, stand."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from inference_api.errors import ExpiredId
from inference_api.output import with_prefix
from inference_api.routes import JSON, RETRY_AFTER_S, is_gone, preference_applied
from inference_api.served_model import ServedModel
from inference_api.submissions import Batch, Ticket
from inference_bridge.results import Status, expired, pending_body, status_of


async def respond_batch(
    request: Request, model: ServedModel, batch: Batch, *, wait_s: float, status: int = 200
) -> Response:
    """Return the response with the states of a batch's jobs, once all are final or after `wait_s`.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    with model.waiters.grant_wait(wait_s) as granted_s:
        bodies = await read_bodies(request, model, batch.jobs, granted_s)
    states = [await state_of(model, job, bodies) for job in batch.jobs]
    return render_batch(model, batch, states, status=status, headers=preference_applied(granted_s))


def render_batch(
    model: ServedModel, batch: Batch, states: Sequence[bytes], *, status: int, headers: Mapping[str, str]
) -> Response:
    """Return the response with these states of a batch's jobs."""
    counts = Counter(map(status_of, states))
    batch_id = batch.ticket.inference_id
    if counts[Status.PENDING]:
        headers = {"Retry-After": RETRY_AFTER_S, **headers}
    if status == 202:
        headers = {"Location": f"{model.url}/batch/{batch_id}", **headers}
    head = json.dumps({"batch_id": batch_id, "counts": counts})
    return Response(b'%b,"jobs":[%b]}' % (head[:-1].encode(), b",".join(states)), status, headers, media_type=JSON)


async def read_bodies(request: Request, model: ServedModel, jobs: Sequence[Ticket], wait_s: float) -> dict[str, bytes]:
    """Return the bodies of the results that exist, once all do or after `wait_s`."""
    ids = [job.inference_id for job in jobs]
    return await model.waiters.wait_for_all(ids, wait_s=wait_s, is_gone=lambda: is_gone(request))


async def state_of(model: ServedModel, job: Ticket, bodies: Mapping[str, bytes]) -> bytes:
    """Return a job's state as `GET …/result/{inference_id}` answers it, and `expired` where that is a 410."""
    body = bodies.get(job.inference_id)
    if body is not None:
        return with_prefix(model, body)
    try:
        await model.submissions.check_pending(job)
    except ExpiredId:
        return expired(job.inference_id).body
    return pending_body(job.inference_id)
