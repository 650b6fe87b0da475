"""Accepts a batch: each readable item becomes a job, each other one a failed result."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from inference_api.batches.uploads import MAX_BATCH_BYTES, Uploads, read_uploads
from inference_api.batches.view import respond_batch
from inference_api.call import Call, options_of, read_idempotency_key, reserve_slot
from inference_api.clients.allowances import Slot
from inference_api.clients.require_key import client_of
from inference_api.routes import publish_job
from inference_api.submissions import Batch, Prepared, Ticket
from inference_api.tracing import part_of
from inference_bridge.errors import InvalidInput
from inference_bridge.results import Result, failed

#: Items of a batch that are prepared or published at once: each may take as much memory as a message.
MAX_CONCURRENT = 8
#: Most characters of a failure's message: the schema of a document may quote it.
MAX_MESSAGE_CHARS = 1_000


async def submit_batch(call: Call, params: str) -> Response:
    """Return the 202 of a batch whose every item has a job or a failed result.

    Raises:
        InferenceError: as for one job; some items may be published by then, and a repetition under the same
            `Idempotency-Key` publishes them again under the same ids.
    """
    batch = await _receive(call, params)
    return await respond_batch(call.request, call.model, batch, wait_s=call.wait_s, is_new=True)


async def _receive(call: Call, params: str) -> Batch:
    """Read a batch and accept it; its uploads are gone when this returns."""
    model, request = call.model, call.request
    most = min(MAX_BATCH_BYTES, call.shared.settings.max_buffered_bytes)
    idempotency_key = read_idempotency_key(call)
    with (
        await reserve_slot(call, idempotency_key) as slot,
        call.shared.buffers.body(model.input.noun) as share,
    ):
        model.backend.publisher.check_headroom(1, call.priority.share)
        uploads = await read_uploads(
            call.headers, request.stream(), model.input, model.spec.takes, share=share, max_bytes=most
        )
        return await _accept(call, slot, uploads, params, idempotency_key)


async def _accept(call: Call, slot: Slot, uploads: Uploads, params: str, idempotency_key: str | None) -> Batch:
    submissions, owner, count = call.model.submissions, client_of(call.request).name, len(uploads.items)
    webhook = call.shared.endpoints.choose(call.query, owner)
    slot.check_size(count)

    async def publish(ticket: Ticket) -> None:
        call.model.backend.publisher.check_headroom(count, call.priority.share)
        batch = submissions.recognise_batch(ticket.inference_id, owner)
        slot.widen([job.inference_id for job in batch.jobs])
        await _publish(call, slot, uploads, params, webhook, batch)

    if idempotency_key is None:
        ticket = submissions.issue(owner, item_count=count)
        await publish(ticket)
    else:
        digest = await asyncio.to_thread(uploads.digest, f"{params}{options_of(call)}\0{webhook}")
        ticket = await call.model.claims.submit(idempotency_key, digest, owner, publish, item_count=count)
    return submissions.recognise_batch(ticket.inference_id, owner)


async def _publish(call: Call, slot: Slot, uploads: Uploads, params: str, webhook: str, batch: Batch) -> None:
    refused: list[Result] = []

    async def publish_item(index: int) -> None:
        job = batch.jobs[index]
        try:
            prepared = await _prepare(call, uploads.read(index), params, webhook)
        except InvalidInput as error:
            # Without the webhook, which only a worker may make: this call tells the client.
            refused.append(failed(job.inference_id, error.code, str(error)[:MAX_MESSAGE_CHARS]))
            return
        with slot.job(job.inference_id):
            await publish_job(call, job, prepared)

    await _for_each(len(batch.jobs), publish_item)
    if refused:
        await call.model.backend.store.put(refused)


async def _prepare(call: Call, upload: bytes, params: str, webhook: str) -> Prepared:
    given, on_prepared = call.model.input, call.model.metrics.prepare_seconds.observe
    with part_of(call.shared.tracer, "prepare"):
        body = await call.shared.preparation.prepare(given, upload, on_prepared=on_prepared)
    return Prepared(body, given.job_type_of(upload), params, call.has_timeline, webhook)


async def _for_each(count: int, work: Callable[[int], Awaitable[None]]) -> None:
    """Do the work for each index, some at a time; after an error, take no more indices, and raise it at the end."""
    left = deque(range(count))

    async def take() -> None:
        while left:
            try:
                await work(left.popleft())
            except Exception:
                left.clear()
                raise

    for error in await asyncio.gather(*(take() for _ in range(MAX_CONCURRENT)), return_exceptions=True):
        if error is not None:
            raise error
