"""The routes of batches, and the route that reads the results of many jobs."""

import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inference_api.batches.submit import submit_batch
from inference_api.batches.uploads import MAX_ITEMS
from inference_api.batches.view import read_bodies, respond_batch, state_of
from inference_api.call import Shared, call_of
from inference_api.cancel import LATE_S
from inference_api.clients.require_key import client_of
from inference_api.errors import InvalidRequest
from inference_api.finding import finder
from inference_api.parameters import refuse_repeated
from inference_api.routes import JSON, preference_applied
from inference_api.served_model import ServedModel
from inference_api.submissions import Batch, Ticket
from inference_bridge.errors import UnknownId
from inference_bridge.results import Result, canceled


def batch_routes(shared: Shared, models: Sequence[ServedModel]) -> list[Route]:
    """Return the routes that submit, read and cancel batches, and `GET /models/{name}/results`."""
    find = finder(models)

    # Metrics name a call after its function.
    async def submit_many(request: Request) -> Response:
        model = find(request)
        params = model.parameters.read(request.query_params)
        return await submit_batch(call_of(shared, model, request, model.url), params)

    async def batch(request: Request) -> Response:
        call = call_of(shared, find(request), request, "")
        return await respond_batch(request, call.model, _batch_of(request, call.model), wait_s=call.wait_s)

    async def cancel_batch(request: Request) -> Response:
        model = find(request)
        found = _batch_of(request, model)
        await _cancel(model, found)
        return await respond_batch(request, model, found)

    async def results(request: Request) -> Response:
        call = call_of(shared, find(request), request, "")
        ids = _ids_of(request)
        known = {one: job for one in ids if (job := _job_of(call.model, one, client_of(request).name))}
        with call.model.waiters.grant_wait(call.wait_s) as granted_s:
            bodies = await read_bodies(request, call.model, list(known.values()), granted_s)
        states = [await state_of(call.model, known[one], bodies) if one in known else _unknown(one) for one in ids]
        headers = preference_applied(granted_s)
        return Response(b'{"results":[%b]}' % b",".join(states), headers=headers, media_type=JSON)

    return [
        Route("/models/{name}/batch", submit_many, methods=["POST"]),
        Route("/models/{name}/batch/{batch_id}", batch, methods=["GET"]),
        Route("/models/{name}/batch/{batch_id}/cancel", cancel_batch, methods=["POST"]),
        Route("/models/{name}/results", results, methods=["GET"]),
    ]


def _batch_of(request: Request, model: ServedModel) -> Batch:
    owner, source = client_of(request).name, f"{model.url}/batch"
    return model.submissions.recognise_batch(request.path_params["batch_id"], owner, source=source)


async def _cancel(model: ServedModel, batch: Batch) -> None:
    """Store `canceled` for each job without a result, unless it is too late for a result."""
    found = await model.backend.store.get([job.inference_id for job in batch.jobs])
    results: list[Result] = []
    for job, body in zip(batch.jobs, found, strict=True):
        if body is None and not await model.submissions.is_late(job, grace_s=LATE_S):
            results.append(canceled(job.inference_id))
    if results:
        model.metrics.canceled.inc(await model.backend.store.put(results))


def _ids_of(request: Request) -> list[str]:
    refuse_repeated(request.query_params, ["ids"])
    ids = [one for one in request.query_params.get("ids", "").split(",") if one]
    if not 1 <= len(ids) <= MAX_ITEMS:
        raise InvalidRequest(f"ids names {len(ids)} jobs, expected 1 to {MAX_ITEMS}, such as ?ids=ID,ID")
    return ids


def _job_of(model: ServedModel, inference_id: str, owner: str) -> Ticket | None:
    try:
        return model.submissions.recognise(inference_id, owner)
    except UnknownId:
        return None


def _unknown(inference_id: str) -> bytes:
    return json.dumps({"inference_id": inference_id, "status": "unknown"}).encode()
