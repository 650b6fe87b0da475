"""The routes that cancel a job: they store `canceled` as its result, unless it has one."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inference_api.finding import job_finder, job_paths
from inference_api.output import with_prefix
from inference_api.routes import JSON
from inference_api.served_model import ServedModel
from inference_api.submissions import Ticket
from inference_bridge.errors import StoreUnavailable
from inference_bridge.results import canceled, is_expired
from inference_bridge.settings import GRACE_S

#: Seconds after a job's TTL until which it can be canceled. `GRACE_S` after it the id reads as expired, and no result
#: may appear later; the other half is for the call to the store.
LATE_S = GRACE_S / 2


def cancel_routes(models: Sequence[ServedModel], default: ServedModel | None) -> list[Route]:
    """Return the routes that cancel a job; without a model's name, of the default model, if there is one."""
    find_job = job_finder(models, default)

    # Metrics name a call after its function.
    async def cancel(request: Request) -> Response:
        model, ticket = find_job(request)
        body = await cancel_job(model, ticket)
        if is_expired(body):
            raise model.submissions.expired_id(ticket.inference_id)
        return Response(with_prefix(model, body), media_type=JSON)

    return [Route(path, cancel, methods=["POST"]) for path in job_paths("cancel", default)]


async def cancel_job(model: ServedModel, ticket: Ticket) -> bytes:
    """Return the body of a job's final result: `canceled`, unless the job had another one.

    Raises:
        ExpiredId: the job is too late for a result, or its result has expired.
        StoreUnavailable: the store did not answer; the job may be canceled or not.
    """
    body = await model.waiters.read(ticket.inference_id)
    if body is not None:
        return body
    await model.submissions.check_pending(ticket, grace_s=LATE_S)
    result = canceled(ticket.inference_id)
    if await model.backend.store.put([result]):
        model.metrics.canceled.inc()
        return result.body
    body = await model.waiters.read(ticket.inference_id)
    if body is None:
        raise StoreUnavailable("an operator replayed the job just now; try again")
    return body
