"""Webhooks: each tells an endpoint of the operator that a job has finished, and is kept until it is delivered."""

import re
from dataclasses import dataclass

from inference_bridge.results import status_of

#: Most bytes of a body; a larger result is sent as a link.
MAX_BODY_BYTES = 20_000
#: Seconds for which a claimed webhook belongs to one sender; longer than a try takes.
LEASE_S = 60
#: Seconds for which a webhook is kept after it was made and after each failed try.
KEEP_S = 259_200
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Hook:
    """A claimed webhook.

    Attributes:
        inference_id: the id of its job.
        endpoint: the name of its endpoint.
        message_id: the same in each try.
        body: the result, or a link to it.
        attempts: finished tries so far.
    """

    inference_id: str
    endpoint: str
    message_id: str
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Try:
    """The outcome of one try.

    Attributes:
        status: the HTTP status of the answer; 0 without an answer.
        error: the reason of a failure; empty for a delivery.
        retry_s: seconds until the next try; None for no other try.
    """

    status: int
    error: str = ""
    retry_s: float | None = None


@dataclass(frozen=True, slots=True)
class HookState:
    """A webhook as its client sees it: `last` is its last try, `next_try_ms` (since 1970) is None after the end."""

    endpoint: str
    attempts: int
    last: Try | None
    next_try_ms: int | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """The waiting webhooks of an endpoint: how many, and for how many seconds the first one is due (0 if none is)."""

    count: int
    overdue_s: float


def is_endpoint_name(name: object) -> bool:
    """Tell whether an endpoint may have this name: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def shorten(body: bytes, inference_id: str, model: str) -> bytes:
    """Return the body of a webhook: the result, or a link to a large one. `redis_hooks` does the same in Redis."""
    if len(body) <= MAX_BODY_BYTES:
        return body
    href = f"/models/{model}/result/{inference_id}"
    return f'{{"inference_id":"{inference_id}","status":"{status_of(body)}","href":"{href}"}}'.encode()
