"""A call for one model: its request, and the objects that all models share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams
from starlette.requests import Request

from inference_api.clients.allowances import Allowances, Slot
from inference_api.clients.require_key import client_of
from inference_api.errors import InvalidRequest, TooManyInFlight
from inference_api.hooks.endpoints import Endpoints
from inference_api.http.buffers import Buffers
from inference_api.http.preferences import asked_ttl_s, asks_for_timeline, preferred_wait_s
from inference_api.http.protocol import LEAVING
from inference_api.parameters import refuse_repeated
from inference_api.preparation import Preparation
from inference_api.priorities import Priority, read_priority
from inference_api.served_model import ServedModel
from inference_api.settings import ApiSettings
from inference_bridge.spec import RESERVED_PARAMS

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

MAX_IDEMPOTENCY_KEY_LENGTH = 255
NO_QUERY = QueryParams()


@dataclass(frozen=True, slots=True)
class Shared:
    """The objects that all models of a process share."""

    settings: ApiSettings
    buffers: Buffers
    preparation: Preparation
    allowances: Allowances
    endpoints: Endpoints
    tracer: "Tracer | None" = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call for one model.

    Attributes:
        shared: the objects of all models.
        model: the model.
        request: the HTTP request.
        headers: of the request, by their names in lower case.
        query: of the request.
        wait_s: seconds that the client wants to wait for the result.
        ttl_s: of the calls that submit, seconds after which the job no longer runs.
        priority: of the jobs that the call submits.
        path: of the calls that submit, as clients see it: `/classify`, or the path of the model.
        has_timeline: whether the result of a submission says when what happened.
    """

    shared: Shared
    model: ServedModel
    request: Request
    headers: Mapping[str, str]
    query: QueryParams
    wait_s: float
    ttl_s: float
    priority: Priority
    path: str
    has_timeline: bool

    @property
    def is_default(self) -> bool:
        """Whether this is a call for the default model, without its name."""
        return self.path == self.model.default_url


def call_of(shared: Shared, model: ServedModel, request: Request, path: str) -> Call:
    """Return a request as a call for a model; `/classify` knows no timeline.

    Raises:
        InvalidRequest: one of the parameters of every model is wrong.
        NotAllowed: the client may not use the priority.
    """
    headers, query = headers_of(request), query_of(request)
    options = query if request.method == "POST" else NO_QUERY
    has_timeline = path != model.default_url and asks_for_timeline(options)
    wait_s = preferred_wait_s(headers, query, max_wait_s=shared.settings.max_wait_s)
    ttl_s = asked_ttl_s(options, max_ttl_s=shared.settings.job_ttl_s)
    priority = read_priority(request, options)
    return Call(shared, model, request, headers, query, wait_s, ttl_s, priority, path, has_timeline)


def headers_of(request: Request) -> dict[str, str]:
    """Return the headers by their names in lower case; of a repeated one the first, as Starlette does.

    Starlette searches all headers for each name.
    """
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.scope["headers"])}


def query_of(request: Request) -> QueryParams:
    """Return the query, which most calls do not have.

    Raises:
        InvalidRequest: a parameter of every model is given twice.
    """
    if not request.scope["query_string"]:
        return NO_QUERY
    refuse_repeated(request.query_params, RESERVED_PARAMS)
    return request.query_params


def options_of(call: Call) -> str:
    """Return the parameters of every model that change a job, as the digest of a submission holds them."""
    return call.query.get("ttl", "") + call.query.get("priority", "")


def read_idempotency_key(call: Call) -> str | None:
    """Return the call's idempotency key; raise InvalidRequest if its length is wrong."""
    idempotency_key = call.headers.get("idempotency-key")
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY_LENGTH:
        raise InvalidRequest(
            f"Idempotency-Key has {len(idempotency_key)} characters; send 1 to {MAX_IDEMPOTENCY_KEY_LENGTH}"
        )
    return idempotency_key


async def reserve_slot(call: Call, idempotency_key: str | None) -> Slot:
    """Return the client's slot for a submission; the slot of a repetition needs no place in flight.

    Raises:
        RateLimited: too many submissions per second.
        TooManyInFlight: too many jobs in flight, and this is not a repetition.
        StoreUnavailable: the client has too many jobs in flight, and the store cannot say whether this is a repetition.
    """
    client, store, allowances = client_of(call.request), call.model.backend.store, call.shared.allowances
    try:
        return allowances.reserve(client, store)
    except TooManyInFlight:
        if idempotency_key is None or not await call.model.claims.is_made(idempotency_key, client.name):
            raise
        return allowances.reserve(client, store, job_count=0)


async def is_gone(request: Request) -> bool:
    """Tell whether the client has disconnected."""
    return LEAVING in request.scope or await request.is_disconnected()
