"""The routes of jobs: submit an input, read its result, fetch its output."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inference_api.arrival import Arrival
from inference_api.call import Call, Shared, call_of, is_gone, options_of, read_idempotency_key, reserve_slot
from inference_api.clients.allowances import Slot
from inference_api.clients.require_key import client_of
from inference_api.finding import finder
from inference_api.http.count_responses import MODEL
from inference_api.http.no_store import FINAL
from inference_api.http.protocol import WHOLE
from inference_api.http.uploads import read_upload
from inference_api.output import respond_output, with_prefix
from inference_api.served_model import ServedModel
from inference_api.submissions import CLASSIFY, Prepared, Ticket
from inference_api.tracing import part_of
from inference_bridge.errors import StoreUnavailable
from inference_bridge.results import is_expired, pending_body

JSON = "application/json"
RETRY_AFTER_S = "1"

Endpoint = Callable[[Request], Awaitable[Response]]


def inference_routes(shared: Shared, models: Sequence[ServedModel], default: ServedModel | None) -> list[Route]:
    """Return the routes of jobs; `/classify` and `/result` exist if there is a default model.

    They are Starlette routes, because FastAPI's dependency injection, which they do not need, would cost a fifth of the
    API's CPU time. `inference_api.openapi` describes them.
    """
    find = finder(models)

    async def submit(request: Request) -> Response:
        model = find(request)
        params = model.parameters.read(request.query_params)
        return await _submit(call_of(shared, model, request, model.url), params)

    async def result(request: Request) -> Response:
        model = find(request)
        return await _result(call_of(shared, model, request, model.url))

    async def output(request: Request) -> Response:
        model = find(request)
        response = await respond_output(model, request.path_params["inference_id"], client_of(request).name)
        request.scope[FINAL] = True
        return response

    return [
        *([] if default is None else _default_routes(shared, default)),
        Route("/models/{name}", submit, methods=["POST"]),
        Route("/models/{name}/result/{inference_id}", result, methods=["GET"]),
        Route("/models/{name}/result/{inference_id}/output", output, methods=["GET"]),
    ]


def _default_routes(shared: Shared, model: ServedModel) -> list[Route]:
    name = model.spec.name

    async def classify(request: Request) -> Response:
        request.scope[MODEL] = name
        call = call_of(shared, model, request, model.default_url)
        return await _submit(call, model.parameters.read(call.query, ignores_unknown=True))

    async def result(request: Request) -> Response:
        request.scope[MODEL] = name
        return await _result(call_of(shared, model, request, model.default_url))

    return [Route(CLASSIFY, classify, methods=["POST"]), Route("/result/{inference_id}", result, methods=["GET"])]


async def _submit(call: Call, params: str) -> Response:
    idempotency_key = read_idempotency_key(call)
    with await reserve_slot(call, idempotency_key) as slot:
        call.model.backend.publisher.check_headroom(1, call.priority.share)
        return await _submit_within(call, slot, params, idempotency_key)


async def _submit_within(call: Call, slot: Slot, params: str, idempotency_key: str | None) -> Response:
    model, owner = call.model, client_of(call.request).name
    webhook = call.shared.endpoints.choose(call.query, owner)
    prepared, digest = await _prepare(call, params, webhook, is_keyed=idempotency_key is not None)

    async def publish(ticket: Ticket) -> None:
        with slot.job(ticket.inference_id):
            await publish_job(call, ticket, prepared)

    if idempotency_key is None:
        ticket = model.submissions.issue(owner)
        with model.waiters.expect(ticket.inference_id) as arrived:
            await publish(ticket)
            return await _answer(call, ticket, arrived)
    ticket = await model.claims.submit(idempotency_key, digest, owner, publish)
    slot.release()  # a repetition has no new job, and may wait long
    with model.waiters.expect(ticket.inference_id) as arrived:
        arrived.set()  # read at once: the result may exist already
        return await _answer(call, ticket, arrived)


async def _prepare(call: Call, params: str, webhook: str, *, is_keyed: bool) -> tuple[Prepared, str]:
    """Return what the job holds and, for an idempotency key, the digest of the submission; drop the upload."""
    given = call.model.input
    with call.shared.buffers.body(given.noun) as share:
        upload = await read_upload(
            call.headers,
            call.request.stream(),
            given,
            share=share,
            is_whole=WHOLE in call.request.scope,
            other_fields=call.is_default,
        )
        digest = _digest(upload, params + options_of(call), webhook) if is_keyed else ""
        on_prepared = call.model.metrics.prepare_seconds.observe
        with part_of(call.shared.tracer, "prepare"):
            body = await call.shared.preparation.prepare(given, upload, on_prepared=on_prepared)
        return Prepared(body, given.job_type_of(upload), params, call.has_timeline, webhook), digest


def _digest(upload: bytes, params: str, webhook: str) -> str:
    whole = sha256(upload)
    whole.update((f"{params}\0{webhook}" if webhook else params).encode())
    return whole.hexdigest()


async def _answer(call: Call, ticket: Ticket, arrived: Arrival) -> Response:
    result = None
    # Count the call as waiting only now, after its body has arrived.
    left_s = max(0.0, ticket.issued_ms / 1000 + call.ttl_s - time.time())
    with (
        part_of(call.shared.tracer, "answer"),
        call.model.waiters.grant_wait(min(call.wait_s, left_s)) as granted_s,
    ):
        if granted_s > 0:
            with suppress(StoreUnavailable):  # the job is accepted, so the client must get its id
                result = await _wait(call, ticket, arrived, granted_s)
    return _respond_accepted(call, ticket, granted_s) if result is None else _finish(call, ticket, result, granted_s)


async def _result(call: Call) -> Response:
    model = call.model
    inference_id, owner = call.request.path_params["inference_id"], client_of(call.request).name
    ticket = model.submissions.recognise(inference_id, owner, source=call.path)
    with model.waiters.expect(ticket.inference_id) as arrived, model.waiters.grant_wait(call.wait_s) as granted_s:
        arrived.set()  # read at once: the result may exist already
        body = await _wait(call, ticket, arrived, granted_s)
    if body is not None:
        return _finish(call, ticket, body, granted_s)
    await model.submissions.check_pending(ticket)
    headers = {"Retry-After": RETRY_AFTER_S, **preference_applied(granted_s)}
    return Response(_pending(call, ticket), headers=headers, media_type=JSON)


async def publish_job(call: Call, ticket: Ticket, prepared: Prepared) -> None:
    """Publish a job of the call, and count it."""
    started = time.perf_counter()
    with part_of(call.shared.tracer, "publish") as ours:
        traceparent = ours or call.headers.get("traceparent")
        await call.model.submissions.publish(
            ticket, prepared, ttl_s=call.ttl_s, priority=call.priority.number, traceparent=traceparent
        )
    call.model.metrics.confirm_seconds.observe(time.perf_counter() - started)
    call.model.metrics.accepted.inc()


async def _wait(call: Call, ticket: Ticket, arrived: Arrival, wait_s: float) -> bytes | None:
    return await call.model.waiters.wait(
        ticket.inference_id, arrived, wait_s=wait_s, is_gone=lambda: is_gone(call.request)
    )


def _respond_accepted(call: Call, ticket: Ticket, wait_s: float) -> Response:
    headers = {
        "Location": f"{call.model.prefix if call.is_default else call.path}/result/{ticket.inference_id}",
        "Retry-After": RETRY_AFTER_S,
        **preference_applied(wait_s),
    }
    return Response(_pending(call, ticket), 202, headers, media_type=JSON)


def _pending(call: Call, ticket: Ticket) -> bytes:
    if call.is_default:
        return pending_body(ticket.inference_id)
    return pending_body(ticket.inference_id, call.model.queue_view.describe(ticket.issued_ms / 1000))


def _finish(call: Call, ticket: Ticket, body: bytes, wait_s: float) -> Response:
    if is_expired(body):
        raise call.model.submissions.expired_id(ticket.inference_id)
    call.request.scope[FINAL] = True
    return Response(with_prefix(call.model, body), headers=preference_applied(wait_s), media_type=JSON)


def preference_applied(wait_s: float) -> dict[str, Any]:
    """Return the header that says how long the call could wait; none if it did not wait."""
    return {"Preference-Applied": f"wait={wait_s:g}"} if wait_s > 0 else {}
