"""One call of the service as a flow: a generator that asks for requests and pauses. A client runs it, with or without
asyncio.
"""

import random
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, TypeVar

import httpx

from inference_client.errors import ExpiredJob, Refused, Unavailable, UnknownJob

#: Longest wait of one call; the service may grant less, and a proxy may cut longer ones.
MAX_WAIT_S = 25.0
#: A call may take this much longer than its wait, and its connection this long.
ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S = 30.0, 5.0
#: A call may end this much after the time of the caller: an answer that was held until then is on its way.
END_MARGIN_S = 2.0
FIRST_BACKOFF_S, MAX_DOUBLINGS = 0.25, 5
#: Answers that say that the same call may succeed later.
TRY_AGAIN = {408, 429, 502, 503, 504}
#: Failures of a connection that the next one may not have; a wrong URL or header is not among them.
LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)
#: Problems that have a class of their own.
KINDS: Mapping[str, type[Refused]] = {"unknown_id": UnknownJob, "expired_id": ExpiredJob}

Returned = TypeVar("Returned")


@dataclass(frozen=True, slots=True)
class Send:
    """A request that a flow asks for.

    Attributes:
        wait_s: for which the service may hold its answer back, until there is a result.
        answer_s: that the answer may take beyond the wait.
        left_s: of the time of the caller; it bounds both.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes]] | None = None
    wait_s: float = 0.0
    answer_s: float = ANSWER_TIMEOUT_S
    left_s: float = inf

    @property
    def request(self) -> dict[str, Any]:
        """The arguments of `httpx.Client.request`."""
        wait_s = min(self.wait_s, MAX_WAIT_S, self.left_s)
        timeout_s = min(wait_s + self.answer_s, self.left_s + END_MARGIN_S)
        return {
            "method": self.method,
            "url": self.path,
            "params": {**self.params, "wait": f"{wait_s:.3f}"} if wait_s > 0 else self.params,
            "headers": self.headers,
            "files": self.files,
            "timeout": httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        }


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that a flow asks for."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class NotNow:
    """The end of a try that a later one may not have: its reason, and the pause before the next."""

    reason: str
    pause_s: float


Flow = Generator[Send | Pause, httpx.Response, Returned]


def call(send: Send, *, timeout_s: float) -> Flow[httpx.Response]:
    """Send until there is an answer other than "not now".

    Raises:
        Unavailable: there was none within `timeout_s`.
        Refused: the answer is a problem.
    """
    end = time.monotonic() + timeout_s
    tries = 0
    while True:
        left_s = max(end - time.monotonic(), 0.0)
        answer = yield from attempt(replace(send, left_s=left_s), tries)
        if not isinstance(answer, NotNow):
            return answer
        if time.monotonic() + answer.pause_s >= end:
            within = f"within {timeout_s:g} s ({answer.reason})"
            raise Unavailable(f"{send.method} {send.path} got no answer {within}; try again")
        yield Pause(answer.pause_s)
        tries += 1


def attempt(send: Send, tries: int = 0) -> Flow[httpx.Response | NotNow]:
    """Send once, after a number of `tries` that had no answer.

    Raises:
        Refused: the answer is a problem.
    """
    pause_s = FIRST_BACKOFF_S * 2 ** min(tries, MAX_DOUBLINGS) * random.uniform(0.5, 1)
    try:
        response = yield send
    except LOST as error:
        return NotNow(f"{type(error).__name__} {error}", pause_s)
    if response.status_code in TRY_AGAIN:
        return NotNow(describe(response), retry_after_s(response, pause_s))
    return _accept(response)


def describe(response: httpx.Response) -> str:
    """Return an answer in a few words."""
    return f"{response.status_code} from {response.url}: {response.text[:200]}"


def retry_after_s(response: httpx.Response, default_s: float) -> float:
    """Return the pause that an answer names, `default_s` or more."""
    named = response.headers.get("retry-after", "")
    return max(float(named), default_s) if named.isdecimal() else default_s


def _accept(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem = response.json()
        code, detail = problem["code"], problem["detail"]
    except (ValueError, KeyError, TypeError):  # not from the service: a proxy's page, a redirect
        raise Refused(response.status_code, "not_from_the_service", describe(response)) from None
    raise KINDS.get(str(code), Refused)(response.status_code, code, detail)
