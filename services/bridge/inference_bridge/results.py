"""The result of a job, stored in Redis as the JSON that the API answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inference_bridge.spec import ModelSpec


class Status(StrEnum):
    """The state of a job; all but `PENDING` are final."""

    #: accepted, no result yet
    PENDING = "pending"
    #: the model answered
    SUCCEEDED = "succeeded"
    #: the model cannot answer; `error` says why
    FAILED = "failed"
    #: its deadline passed before it could run, or its result came too late
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Result:
    """The final result of a job.

    Attributes:
        inference_id: the id of the job.
        status: any but `PENDING`.
        body: a JSON object in UTF-8, the answer of `GET /result/{inference_id}` except for `EXPIRED`.
    """

    inference_id: str
    status: Status
    body: bytes


def succeeded(inference_id: str, probabilities: Sequence[float], spec: ModelSpec) -> Result:
    """Return the result of a prediction.

    Args:
        inference_id: the id of the job.
        probabilities: one number in 0..1 per class, sum 1 within 1e-4; stored with six decimals.
        spec: the model.
    """
    rounded = [round(probability, 6) for probability in probabilities]
    predicted_class = rounded.index(max(rounded))
    return _result(
        inference_id,
        Status.SUCCEEDED,
        predicted_class=predicted_class,
        probabilities=rounded,
        model=spec.message_type,
    )


def failed(inference_id: str, code: str, message: str) -> Result:
    """Return the result of a job that the model cannot answer; clients may rely on `code` and read `message`."""
    return _result(inference_id, Status.FAILED, error={"code": code, "message": message})


def expired(inference_id: str) -> Result:
    """Return the result of a job whose deadline passed before it ran or was answered."""
    return _result(inference_id, Status.EXPIRED)


def pending_body(inference_id: str) -> bytes:
    """Return the JSON that the API answers before there is a result."""
    return b'{"inference_id":"%s","status":"pending"}' % inference_id.encode()


def status_of(body: bytes) -> Status:
    """Return the status of a stored result."""
    return Status(json.loads(body)["status"])


def _result(inference_id: str, status: Status, **fields: Any) -> Result:
    body = {"inference_id": inference_id, "status": status, **fields}
    return Result(inference_id, status, json.dumps(body, separators=(",", ":")).encode())
