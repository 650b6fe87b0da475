"""Streams the state of a job as server-sent events.

Each event is the whole state, as the result's call answers it. So a client that connects again misses nothing, any
process can answer it, and nothing is stored.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from inference_api.call import is_gone
from inference_api.finding import job_finder, job_paths
from inference_api.output import with_prefix
from inference_api.served_model import ServedModel
from inference_api.submissions import Ticket
from inference_bridge.errors import StoreUnavailable
from inference_bridge.results import Status, pending_body, status_of

#: Seconds between two looks at a pending job, and at whether its client is still connected.
LOOK_S = 1.0
#: Looks without news after which a comment tells proxies that the connection is in use.
QUIET_LOOKS = 15
#: Longest stream in seconds; its client connects again, perhaps to another process.
LONGEST_S = 300.0
#: Milliseconds until a browser connects again.
RECONNECT_MS = 2_000
MEDIA_TYPE = "text/event-stream"
#: Makes nginx pass on each event at once.
_HEADERS = {"X-Accel-Buffering": "no"}


def event_routes(models: Sequence[ServedModel], default: ServedModel | None) -> list[Route]:
    """Return the routes of events; without a model's name, of the default model, if there is one."""
    find_job = job_finder(models, default)

    # Metrics name a call after its function.
    async def events(request: Request) -> Response:
        return await _respond(request, *find_job(request))

    return [Route(path, events, methods=["GET"]) for path in job_paths("events", default)]


async def _respond(request: Request, model: ServedModel, ticket: Ticket) -> Response:
    body = await model.waiters.read(ticket.inference_id)
    if body is None:
        await model.submissions.check_pending(ticket)
        if request.method == "HEAD":
            return Response(headers=_HEADERS, media_type=MEDIA_TYPE)
        return StreamingResponse(_follow(request, model, ticket), headers=_HEADERS, media_type=MEDIA_TYPE)
    if status_of(body) is Status.EXPIRED:
        raise model.submissions.expired_id(ticket.inference_id)
    if request.headers.get("last-event-id") == status_of(body):
        return Response(status_code=HTTPStatus.NO_CONTENT)  # ends the connections of a browser
    return Response(_last_event(model, body), headers=_HEADERS, media_type=MEDIA_TYPE)


async def _follow(request: Request, model: ServedModel, ticket: Ticket) -> AsyncIterator[bytes]:
    """Yield each new state until it is final, the client has left, or the longest time is over.

    Without a place for a waiting call, the stream ends after its first event, so its client asks from time to time.
    After an error of the store, and for an expired job, the client gets the answer when it connects again.
    """
    waiters, inference_id = model.waiters, ticket.inference_id
    yield b"retry: %d\n\n" % RECONNECT_MS
    with waiters.expect(inference_id) as arrived, waiters.grant_wait(LONGEST_S) as granted_s:
        arrived.set()  # read at once: the result may exist already
        ends_s = _now_s() + granted_s
        sent, quiet_looks = b"", 0
        queue: dict[str, Any] = {}
        while True:
            if await arrived.wait(LOOK_S):
                with suppress(StoreUnavailable):
                    body = arrived.body or await waiters.read(inference_id)
                    if body is not None:
                        yield _last_event(model, body)
                        return
            queue = _queue(model, ticket, queue) if "name" in request.path_params else {}
            shown = pending_body(inference_id, queue)
            quiet_looks = 0 if shown != sent else (quiet_looks + 1) % QUIET_LOOKS
            if shown != sent:
                yield _event(Status.PENDING, shown)
            elif not quiet_looks:
                yield b":\n\n"
            sent = shown
            if _now_s() >= ends_s or waiters.is_closed or await is_gone(request):
                return


def _queue(model: ServedModel, ticket: Ticket, before: dict[str, Any]) -> dict[str, Any]:
    """Return where the job waits; its place never goes up within a stream."""
    queue = model.queue_view.describe(ticket.issued_ms / 1000)
    places = [one["position"] for one in (before, queue) if "position" in one]
    return {**queue, "position": min(places)} if places else queue


def _last_event(model: ServedModel, body: bytes) -> bytes:
    status = status_of(body)
    return b"" if status is Status.EXPIRED else _event(status, with_prefix(model, body))


def _event(status: Status, body: bytes) -> bytes:
    return b"id: %b\ndata: %b\n\n" % (status.encode(), body)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
