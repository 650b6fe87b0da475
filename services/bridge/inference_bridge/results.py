"""The result of a job: the JSON that the API answers, and the output file of some models. Redis stores both."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inference_bridge.errors import InvalidInput
from inference_bridge.spec import ModelSpec

#: The end of the body of an expired job, and of no other: any other body ends with another member.
_EXPIRED_END = b'"status":"expired"}'


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
    #: its client canceled it before there was a result
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Result:
    """The final result of a job.

    Attributes:
        inference_id: the id of the job.
        status: any but `PENDING`.
        body: a JSON object in UTF-8, the answer of `GET /result/{inference_id}` except for `EXPIRED`.
        output: the file that the model made, for `Bytes`; it is stored beside the body.
        webhook: name of the endpoint that is told the result; empty for none.
    """

    inference_id: str
    status: Status
    body: bytes
    output: bytes | None = None
    webhook: str = ""


def classified(inference_id: str, probabilities: Sequence[float], spec: ModelSpec) -> Result:
    """Return the result of a model that answers `Probabilities`.

    Args:
        inference_id: the id of the job.
        probabilities: one number in 0..1 per class, sum 1 within 1e-4; stored with six decimals.
        spec: the model.
    """
    rounded = [round(probability, 6) for probability in probabilities]
    # As `json.dumps` would write it, in half the time.
    body = (
        f'{{"inference_id":"{inference_id}","status":"succeeded","predicted_class":{rounded.index(max(rounded))},'
        f'"probabilities":[{",".join(map(repr, rounded))}],"model":"{spec.message_type}"}}'
    )
    return Result(inference_id, Status.SUCCEEDED, body.encode())


def answered(inference_id: str, document: bytes, spec: ModelSpec) -> Result:
    """Return the result of a model that answers `Json`; `document` is JSON in UTF-8."""
    head = _body(inference_id, Status.SUCCEEDED)
    body = b'%s,"output":%s,"model":"%s"}' % (head[:-1], document, spec.message_type.encode())
    return Result(inference_id, Status.SUCCEEDED, body)


def produced(inference_id: str, output: bytes, content_type: str, spec: ModelSpec) -> Result:
    """Return the result of a model that answers `Bytes`; the body says where the output can be fetched."""
    where = {
        "href": f"/models/{spec.name}/result/{inference_id}/output",
        "bytes": len(output),
        "content_type": content_type,
    }
    body = _body(inference_id, Status.SUCCEEDED, output=where, model=spec.message_type)
    return Result(inference_id, Status.SUCCEEDED, body, output)


def failed(inference_id: str, code: str, message: str) -> Result:
    """Return the result of a job that the model cannot answer; clients may rely on `code` and read `message`."""
    return _result(inference_id, Status.FAILED, error={"code": code, "message": message})


def expired(inference_id: str) -> Result:
    """Return the result of a job whose deadline passed before it ran or was answered."""
    return _result(inference_id, Status.EXPIRED)


def canceled(inference_id: str) -> Result:
    """Return the result of a job that its client canceled."""
    return _result(inference_id, Status.CANCELED)


def pending_body(inference_id: str, queue: Mapping[str, Any] | None = None) -> bytes:
    """Return the JSON that the API answers before there is a result, with what is known of its queue."""
    more = b',"queue":%s' % json.dumps(queue, separators=(",", ":")).encode() if queue else b""
    return b'{"inference_id":"%s","status":"pending"%s}' % (inference_id.encode(), more)


def is_expired(body: bytes) -> bool:
    """Tell whether a stored result is `EXPIRED`; each call that gets a result asks, so that nothing is parsed."""
    return body.endswith(_EXPIRED_END)


def status_of(body: bytes) -> Status:
    """Return the status of a stored result."""
    return Status(json.loads(body)["status"])


def is_refused(body: bytes) -> bool:
    """Tell whether a stored result says that the client must send another input: no operator can help."""
    error = json.loads(body).get("error")
    return error is not None and error["code"] == InvalidInput.code


def _result(inference_id: str, status: Status, **fields: Any) -> Result:
    return Result(inference_id, status, _body(inference_id, status, **fields))


def _body(inference_id: str, status: Status, **fields: Any) -> bytes:
    return json.dumps({"inference_id": inference_id, "status": status, **fields}, separators=(",", ":")).encode()
