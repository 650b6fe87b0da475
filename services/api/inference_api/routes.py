"""The two routes: submit a picture, read its result."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inference_api.clients.allowances import Allowances, Slot
from inference_api.clients.claims import Claims
from inference_api.clients.require_key import client_of
from inference_api.decoder import Decoder
from inference_api.errors import InvalidRequest
from inference_api.http.buffers import Buffers
from inference_api.http.preferences import preferred_wait_s
from inference_api.http.uploads import read_picture
from inference_api.metrics import ApiMetrics
from inference_api.settings import ApiSettings
from inference_api.submissions import Submissions, Ticket, expired_id
from inference_api.waiters import Waiters
from inference_bridge.contract import Publisher
from inference_bridge.errors import StoreUnavailable
from inference_bridge.results import Status, pending_body, status_of

JSON = "application/json"
RETRY_AFTER_S = "1"
MAX_IDEMPOTENCY_KEY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The objects that the routes use."""

    settings: ApiSettings
    publisher: Publisher
    submissions: Submissions
    claims: Claims
    buffers: Buffers
    decoder: Decoder
    waiters: Waiters
    metrics: ApiMetrics
    allowances: Allowances


def inference_routes(dependencies: Dependencies) -> list[Route]:
    """Return `POST /classify` and `GET /result/{inference_id}`.

    They are Starlette routes, because FastAPI's dependency injection, which they do not need, would cost a fifth of the
    API's CPU time. `openapi.paths` describes them.
    """

    async def classify(request: Request) -> Response:
        wait_s = _read_wait_s(dependencies, request)
        with dependencies.allowances.reserve(client_of(request)) as slot:
            return await _classify(dependencies, request, slot, wait_s)

    async def result(request: Request) -> Response:
        wait_s = _read_wait_s(dependencies, request)
        ticket = dependencies.submissions.recognise(request.path_params["inference_id"], client_of(request).name)
        with (
            dependencies.waiters.expect(ticket.inference_id) as arrived,
            dependencies.waiters.grant_wait(wait_s) as granted_s,
        ):
            arrived.set()  # read at once: the result may exist already
            body = await _wait(dependencies, request, ticket, arrived, granted_s)
        if body is not None:
            return _respond_finished(ticket, body, granted_s)
        await dependencies.submissions.check_pending(ticket)
        headers = {"Retry-After": RETRY_AFTER_S, **_preference_applied(granted_s)}
        return Response(pending_body(ticket.inference_id), headers=headers, media_type=JSON)

    return [Route("/classify", classify, methods=["POST"]), Route("/result/{inference_id}", result, methods=["GET"])]


async def _classify(dependencies: Dependencies, request: Request, slot: Slot, wait_s: float) -> Response:
    dependencies.publisher.check_headroom()
    idempotency_key, owner = _read_idempotency_key(request), client_of(request).name
    body, digest = await _prepare(dependencies, request, is_keyed=idempotency_key is not None)

    async def publish(ticket: Ticket) -> None:
        with slot.job(ticket.inference_id):
            await _publish(dependencies, request, ticket, body)

    if idempotency_key is None:
        ticket = dependencies.submissions.issue(owner)
        with dependencies.waiters.expect(ticket.inference_id) as arrived:
            await publish(ticket)
            return await _answer(dependencies, request, ticket, arrived, wait_s)
    ticket = await dependencies.claims.submit(idempotency_key, digest, owner, publish)
    slot.release()  # a repetition has no new job, and may wait long
    with dependencies.waiters.expect(ticket.inference_id) as arrived:
        arrived.set()  # read at once: the result may exist already
        return await _answer(dependencies, request, ticket, arrived, wait_s)


async def _prepare(dependencies: Dependencies, request: Request, *, is_keyed: bool) -> tuple[bytes, str]:
    """Return the body of the job and, for an idempotency key, the picture's digest; drop the picture."""
    with dependencies.buffers.body() as share:
        max_bytes = dependencies.settings.max_bytes
        picture = await read_picture(request.headers, request.stream(), max_bytes=max_bytes, share=share)
        digest = sha256(picture).hexdigest() if is_keyed else ""
        return await dependencies.decoder.prepare(picture), digest


async def _answer(
    dependencies: Dependencies, request: Request, ticket: Ticket, arrived: asyncio.Event, wait_s: float
) -> Response:
    result = None
    # Count the call as waiting only now, after its body has arrived.
    with dependencies.waiters.grant_wait(wait_s) as granted_s:
        if granted_s > 0:
            with suppress(StoreUnavailable):  # the job is accepted, so the client must get its id
                result = await _wait(dependencies, request, ticket, arrived, granted_s)
    return _respond_accepted(ticket, granted_s) if result is None else _respond_finished(ticket, result, granted_s)


def _read_idempotency_key(request: Request) -> str | None:
    idempotency_key = request.headers.get("idempotency-key")
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY_LENGTH:
        raise InvalidRequest(
            f"Idempotency-Key has {len(idempotency_key)} characters, "
            f"expected 1 to {MAX_IDEMPOTENCY_KEY_LENGTH}; shorten it"
        )
    return idempotency_key


async def _publish(dependencies: Dependencies, request: Request, ticket: Ticket, body: bytes) -> None:
    started = time.perf_counter()
    await dependencies.submissions.publish(ticket, body, traceparent=request.headers.get("traceparent"))
    dependencies.metrics.confirm_seconds.observe(time.perf_counter() - started)
    dependencies.metrics.accepted.inc()


async def _wait(
    dependencies: Dependencies, request: Request, ticket: Ticket, arrived: asyncio.Event, wait_s: float
) -> bytes | None:
    return await dependencies.waiters.wait(ticket.inference_id, arrived, wait_s=wait_s, is_gone=request.is_disconnected)


def _read_wait_s(dependencies: Dependencies, request: Request) -> float:
    return preferred_wait_s(request.headers, request.query_params, max_wait_s=dependencies.settings.max_wait_s)


def _respond_accepted(ticket: Ticket, wait_s: float) -> Response:
    headers = {
        "Location": f"/result/{ticket.inference_id}",
        "Retry-After": RETRY_AFTER_S,
        **_preference_applied(wait_s),
    }
    return Response(pending_body(ticket.inference_id), 202, headers, media_type=JSON)


def _respond_finished(ticket: Ticket, body: bytes, wait_s: float) -> Response:
    if status_of(body) is Status.EXPIRED:
        raise expired_id(ticket.inference_id)
    return Response(body, headers=_preference_applied(wait_s), media_type=JSON)


def _preference_applied(wait_s: float) -> dict[str, Any]:
    return {"Preference-Applied": f"wait={wait_s:g}"} if wait_s > 0 else {}
