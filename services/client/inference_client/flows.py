"""The calls of a client as flows: submit, wait, run, cancel.

The rules that lose no job are here, once: each submission has an idempotency key, and each refusal for now is tried
again after the pause that the service names.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from inference_client.calls import Flow, NotNow, Pause, Send, attempt, call, describe, retry_after_s
from inference_client.errors import Refused, Unavailable, WaitTimeout
from inference_client.headers import check_printable
from inference_client.outcome import Answer, Source, check_answer

#: The answer about a result may take this much longer than its wait; the service gives up on a silent Redis before.
RESULT_TIMEOUT_S = 10.0
#: For a cancel at the end of a wait.
CANCEL_TIMEOUT_S = 3.0


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
        OSError: the file cannot be read.
        ValueError: the key is not printable ASCII, or a timeline is asked of the default model.
    """
    key = uuid4().hex if key is None else check_printable("the idempotency key", key)
    if model is None and params.get("timeline"):
        raise ValueError("timeline is asked of the default model, expected a model by its name; give model=…")
    given = {name: _write(value) for name, value in params.items() if value is not None}
    path = "/classify" if model is None else f"/models/{quote(model, safe='')}"
    send = Send("POST", path, given, {"Idempotency-Key": key}, {"file": _read(source)}, wait_s=wait_s)
    try:
        response = yield from call(send, timeout_s=timeout_s)
    except Unavailable as error:
        error.idempotency_key = key
        raise
    return _answer(response)


def result_path(model: str | None, inference_id: str) -> str:
    """Return the path of a result."""
    path = f"/result/{quote(inference_id, safe='')}"
    return path if model is None else f"/models/{quote(model, safe='')}{path}"


def look(path: str) -> Flow[Answer | None]:
    """Return the final answer, or None while there is none; ask once.

    Raises:
        Unavailable: the service gave no answer.
        Refused: see `call`.
    """
    response = yield from attempt(Send("GET", path, answer_s=RESULT_TIMEOUT_S))
    if isinstance(response, NotNow):
        raise Unavailable(f"GET {path} got no answer ({response.reason}); try again")
    answer = _answer(response)
    return None if answer["status"] == "pending" else answer


def wait(path: str, *, timeout_s: float) -> Flow[Answer | None]:
    """Return the final answer, or None if there is none after `timeout_s`; the service may be away in between.

    A pause ends with the time, so that the service is asked once more.

    Raises:
        Refused: see `call`.
    """
    end = time.monotonic() + timeout_s
    left_s = max(timeout_s, 0.0)
    tries = 0
    while True:
        send = Send("GET", path, wait_s=left_s, answer_s=RESULT_TIMEOUT_S, left_s=left_s)
        response = yield from attempt(send, tries)
        if isinstance(response, NotNow):
            pause_s, tries = response.pause_s, tries + 1
        else:
            answer = _answer(response)
            if answer["status"] != "pending":
                return answer
            pause_s, tries = _pause_s_after(response), 0
        if time.monotonic() >= end:
            return None
        yield Pause(min(pause_s, max(end - time.monotonic(), 0.0)))
        left_s = max(end - time.monotonic(), 0.0)


def _pause_s_after(pending: httpx.Response) -> float:
    """Return 0 after a granted wait; the service had no place for another waiting call otherwise."""
    return 0.0 if "preference-applied" in pending.headers else retry_after_s(pending, 1.0)


def wait_for_answer(
    inference_id: str, model: str | None, *, timeout_s: float, cancels: bool, left_s: float | None = None
) -> Flow[Answer]:
    """Return the answer of a job that has succeeded; with `cancels`, cancel a job that is late.

    Args:
        inference_id: of the job.
        model: the name of the model; None for the default one.
        timeout_s: the time that the caller gave.
        cancels: whether a late job is canceled.
        left_s: of that time; None for all of it.

    Raises:
        WaitTimeout: there is no answer after `timeout_s`.
        JobFailed, JobCanceled, ExpiredJob: there will be no answer.
        Refused: see `call`.
    """
    path = result_path(model, inference_id)
    answer = yield from wait(path, timeout_s=timeout_s if left_s is None else left_s)
    if answer is not None:
        return check_answer(answer)
    if not cancels:
        raise WaitTimeout(inference_id, timeout_s, "wait again, or cancel it")
    try:
        last = yield from cancel(path, timeout_s=CANCEL_TIMEOUT_S)
    except Unavailable as error:
        raise WaitTimeout(inference_id, timeout_s, f"it may go on: {error}") from error
    if last["status"] == "canceled":
        raise WaitTimeout(inference_id, timeout_s, "it was canceled; submit its input again")
    return check_answer(last)


def run(
    model: str | None, source: Source, params: Mapping[str, Any], *, timeout_s: float, cancels: bool
) -> Flow[Answer]:
    """Submit an input and return the answer of the model, mostly in one call; see `submit` and `wait_for_answer`."""
    end = time.monotonic() + timeout_s
    answer = yield from submit(model, source, params, None, wait_s=timeout_s, timeout_s=timeout_s)
    if answer["status"] != "pending":
        return check_answer(answer)
    left_s = max(end - time.monotonic(), 0.0)
    inference_id = answer["inference_id"]
    return (yield from wait_for_answer(inference_id, model, timeout_s=timeout_s, cancels=cancels, left_s=left_s))


def cancel(path: str, *, timeout_s: float) -> Flow[Answer]:
    """Cancel a job; return its final answer: `canceled`, or the result that came first."""
    return _answer((yield from call(Send("POST", f"{path}/cancel"), timeout_s=timeout_s)))


def fetch(path: str, *, timeout_s: float) -> Flow[bytes]:
    """Return the body of a GET."""
    return (yield from call(Send("GET", path), timeout_s=timeout_s)).content


def _answer(response: httpx.Response) -> Answer:
    try:
        answer = response.json()
        answer["inference_id"], answer["status"]
    except (ValueError, KeyError, TypeError):
        raise Refused(response.status_code, "not_from_the_service", describe(response)) from None
    return dict(answer)


def _read(source: Source) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        return "input", source
    path = Path(source)
    return path.name.encode(errors="replace").decode(), path.read_bytes()  # a name may be other bytes than UTF-8


def _write(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
