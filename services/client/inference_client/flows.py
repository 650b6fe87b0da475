"""Every call as a flow: a generator that asks for requests and pauses. A client runs it, with or without asyncio.

The rules that lose no job are here, once: each submission has an idempotency key, and each refusal for now is tried
again after the pause that the service names.
"""

import random
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from inference_client.errors import ExpiredJob, Refused, Unavailable, UnknownJob, WaitTimeout
from inference_client.outcome import Answer, Source, check_answer

#: Longest wait of one call; the service may grant less, and a proxy may cut longer ones.
MAX_WAIT_S = 25.0
#: A call may take this much longer than its wait.
READ_MARGIN_S = 5.0
#: A call that does not wait, and its connection, may take this long.
SEND_TIMEOUT_S, CONNECT_TIMEOUT_S = 30.0, 5.0
FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.25, 8.0
#: For a cancel at the end of a wait.
CANCEL_TIMEOUT_S = 60.0
#: Answers that say that the same call may succeed later.
TRY_AGAIN = {429, 502, 503, 504}
#: Failures of a connection that the next one may not have; a wrong URL or header is not among them.
LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)

Returned = TypeVar("Returned")


@dataclass(frozen=True, slots=True)
class Send:
    """A request that a flow asks for."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes]] | None = None
    timeout_s: float = SEND_TIMEOUT_S

    @property
    def request(self) -> dict[str, Any]:
        """The arguments of `httpx.Client.request`."""
        return {
            "method": self.method,
            "url": self.path,
            "params": self.params,
            "headers": self.headers,
            "files": self.files,
            "timeout": httpx.Timeout(self.timeout_s, connect=CONNECT_TIMEOUT_S),
        }


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that a flow asks for."""

    duration_s: float


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
        pause_s = min(FIRST_BACKOFF_S * 2**tries, MAX_BACKOFF_S) * random.uniform(0.5, 1)
        try:
            response = yield send
        except LOST as error:
            reason = f"{type(error).__name__} {error}"
        else:
            if response.status_code not in TRY_AGAIN:
                return _accept(response)
            reason, pause_s = _describe(response), _retry_after_s(response, pause_s)
        if time.monotonic() + pause_s >= end:
            raise Unavailable(f"{send.method} {send.path} got no answer within {timeout_s:g} s ({reason}); try again")
        yield Pause(pause_s)
        tries += 1


def submit(
    model: str | None, source: Source, params: Mapping[str, Any], key: str | None, *, wait_s: float, timeout_s: float
) -> Flow[Answer]:
    """Submit an input; return the first answer, which has the id.

    Args:
        model: the name of the model; None for the default one.
        source: the input.
        params: the query: parameters of the model and options of the job; None leaves one out.
        key: the idempotency key: a submission that is repeated gets the same id; None for a new one.
        wait_s: seconds to wait for the result in the same call.
        timeout_s: seconds of tries.

    Raises:
        Unavailable: see `call`; its `idempotency_key` is that of the submission.
        Refused: see `call`.
    """
    key = key or uuid4().hex
    given = {name: _write(value) for name, value in params.items() if value is not None}
    if wait_s > 0:
        given["wait"] = f"{min(wait_s, MAX_WAIT_S):.3f}"
    path = "/classify" if model is None else f"/models/{model}"
    send = Send("POST", path, given, {"Idempotency-Key": key}, {"file": _read(source)}, SEND_TIMEOUT_S + wait_s)
    try:
        response = yield from call(send, timeout_s=timeout_s)
    except Unavailable as error:
        error.idempotency_key = key
        raise
    return _answer(response)


def result_path(model: str | None, inference_id: str) -> str:
    """Return the path of a result."""
    return f"/result/{inference_id}" if model is None else f"/models/{model}/result/{inference_id}"


def wait(path: str, *, timeout_s: float) -> Flow[Answer | None]:
    """Return the final answer, or None if there is none after `timeout_s`; the service may be away in between.

    Args:
        path: of the result.
        timeout_s: 0 asks once.

    Raises:
        Refused: see `call`.
    """
    end = time.monotonic() + timeout_s
    while True:
        left_s = max(end - time.monotonic(), 0.0)
        wait_s = min(left_s, MAX_WAIT_S)
        send = Send("GET", path, {"wait": f"{wait_s:.3f}"}, timeout_s=wait_s + READ_MARGIN_S)
        try:
            response = yield from call(send, timeout_s=left_s)
        except Unavailable:
            if timeout_s == 0:
                raise
            return None
        answer = _answer(response)
        if answer["status"] != "pending":
            return answer
        if time.monotonic() >= end:
            return None
        if "preference-applied" not in response.headers:  # the service has no place for another waiting call
            yield Pause(min(_retry_after_s(response, 1.0), max(end - time.monotonic(), 0.0)))


def wait_for_answer(inference_id: str, model: str | None, *, timeout_s: float, cancels: bool) -> Flow[Answer]:
    """Return the answer of a job that has succeeded; with `cancels`, cancel a job that is late.

    Raises:
        WaitTimeout: there is no answer after `timeout_s`.
        JobFailed, JobCanceled, ExpiredJob: there will be no answer.
        Refused: see `call`.
    """
    path = result_path(model, inference_id)
    answer = yield from wait(path, timeout_s=timeout_s)
    if answer is None and cancels:
        last = yield from cancel(path, timeout_s=CANCEL_TIMEOUT_S)
        answer = None if last["status"] == "canceled" else last
    if answer is None:
        raise WaitTimeout(inference_id, timeout_s)
    return check_answer(answer)


def run(
    model: str | None, source: Source, params: Mapping[str, Any], *, timeout_s: float, cancels: bool
) -> Flow[Answer]:
    """Submit an input and return the answer of the model, mostly in one call; see `submit` and `wait_for_answer`."""
    end = time.monotonic() + timeout_s
    answer = yield from submit(model, source, params, None, wait_s=timeout_s, timeout_s=timeout_s)
    if answer["status"] != "pending":
        return check_answer(answer)
    left_s = max(end - time.monotonic(), 0.0)
    return (yield from wait_for_answer(answer["inference_id"], model, timeout_s=left_s, cancels=cancels))


def cancel(path: str, *, timeout_s: float) -> Flow[Answer]:
    """Cancel a job; return its final answer: `canceled`, or the result that came first."""
    return _answer((yield from call(Send("POST", f"{path}/cancel"), timeout_s=timeout_s)))


def fetch(path: str, *, timeout_s: float) -> Flow[bytes]:
    """Return the body of a GET."""
    return (yield from call(Send("GET", path), timeout_s=timeout_s)).content


def _accept(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    kind = {404: UnknownJob, 410: ExpiredJob}.get(response.status_code, Refused)
    try:
        problem = response.json()
        raise kind(response.status_code, problem["code"], problem["detail"])
    except (ValueError, KeyError, TypeError):  # not from the service: a proxy's page, a redirect
        raise Refused(response.status_code, "not_from_the_service", _describe(response)) from None


def _answer(response: httpx.Response) -> Answer:
    try:
        answer = response.json()
        answer["inference_id"], answer["status"]
    except (ValueError, KeyError, TypeError):
        raise Refused(response.status_code, "not_from_the_service", _describe(response)) from None
    return dict(answer)


def _describe(response: httpx.Response) -> str:
    return f"{response.status_code} from {response.url}: {response.text[:200]}"


def _retry_after_s(response: httpx.Response, default_s: float) -> float:
    named = response.headers.get("retry-after", "")
    return max(float(named), default_s) if named.isdecimal() else default_s


def _read(source: Source) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        return "input", source
    path = Path(source)
    return path.name, path.read_bytes()


def _write(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
