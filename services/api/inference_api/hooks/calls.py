"""The calls about the webhook of a job: see it, send it again."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inference_api.clients.allowances import Allowances
from inference_api.clients.require_key import client_of
from inference_api.errors import NotFinished, NoWebhook
from inference_api.hooks.endpoints import Endpoints
from inference_api.served_model import ServedModel
from inference_bridge.hooks import HookState
from inference_bridge.results import Status, status_of

PATH = "/models/{name}/result/{inference_id}/webhook"


def webhook_routes(find: Callable[[Request], ServedModel], endpoints: Endpoints, allowances: Allowances) -> list[Route]:
    """Return `GET` and `POST` of a job's webhook; `find` returns the model of a call."""

    async def webhook(request: Request) -> Response:
        model = find(request)
        return _respond(request, await _read(model, request, endpoints), 200)

    async def repeat_webhook(request: Request) -> Response:
        model, inference_id = find(request), request.path_params["inference_id"]
        with allowances.reserve(client_of(request), model.backend.store, job_count=0):
            state = await _read(model, request, endpoints)
            await model.backend.store.hooks.repeat(inference_id, state.endpoint)
            return _respond(request, await _read(model, request, endpoints), 202)

    return [Route(PATH, webhook, methods=["GET"]), Route(PATH, repeat_webhook, methods=["POST"])]


async def _read(model: ServedModel, request: Request, endpoints: Endpoints) -> HookState:
    inference_id = request.path_params["inference_id"]
    ticket = model.submissions.recognise(inference_id, client_of(request).name, source=model.url)
    # Without endpoints, the API has no right to look.
    state = await model.backend.store.hooks.get(inference_id) if endpoints.are_set else None
    if state is not None:
        return state
    body = await model.waiters.read(inference_id)
    if body is None:
        await model.submissions.check_pending(ticket)
        raise NotFinished(f"job {inference_id} has no result yet, and so no webhook; wait for its result")
    if status_of(body) is Status.CANCELED:
        # Only the job's message names its endpoint.
        raise NoWebhook(
            f"job {inference_id} is canceled and has no webhook; if you submitted it with ?webhook=NAME, a worker "
            "makes one when it takes the job's message from the queue; ask again later"
        )
    raise NoWebhook(f"job {inference_id} has no webhook, or no longer has one; submit with ?webhook=NAME to get one")


def _respond(request: Request, state: HookState, status: int) -> Response:
    last, due_ms = state.last, state.next_try_ms
    is_delivered = last is not None and not last.error
    due = None if due_ms is None else datetime.fromtimestamp(due_ms / 1000, UTC).isoformat(timespec="seconds")
    body = {
        "inference_id": request.path_params["inference_id"],
        "webhook": state.endpoint,
        "status": "waiting" if due_ms is not None else "delivered" if is_delivered else "dead",
        "attempts": state.attempts,
        "last_status": last.status or None if last else None,
        "last_error": last.error or None if last else None,
        "next_try": due,
    }
    return Response(json.dumps(body), status, media_type="application/json")
