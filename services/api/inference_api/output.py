"""Answers the file that a model made for a job."""

import mimetypes

from starlette.responses import Response

from inference_api.errors import NoOutput, NotFinished
from inference_api.served_model import ServedModel
from inference_bridge.kinds import Bytes
from inference_bridge.results import Status, status_of


async def respond_output(model: ServedModel, inference_id: str, owner: str) -> Response:
    """Return the response with the output of a job.

    Raises:
        UnknownId: the id is not valid or belongs to another owner.
        NoOutput: the model answers no files, or the job failed or was canceled.
        NotFinished: the job has no result yet.
        ExpiredId: the output no longer exists.
        StoreUnavailable: the store did not answer.
    """
    ticket = model.submissions.recognise(inference_id, owner, source=model.url)
    answers = model.spec.answers
    if not isinstance(answers, Bytes):
        raise NoOutput(f"{model.spec.name} answers no files; read {model.url}/result/{inference_id}")
    output = await model.backend.store.get_output(inference_id)
    if output is not None:
        return Response(output, headers=_headers(inference_id, answers.content_type), media_type=answers.content_type)
    body = await model.waiters.read(inference_id)
    if body is None:
        await model.submissions.check_pending(ticket)
        raise NotFinished(f"job {inference_id} has no result yet; wait at {model.url}/result/{inference_id}?wait=5")
    status = status_of(body)
    if status in (Status.FAILED, Status.CANCELED):
        raise NoOutput(f"job {inference_id} is {status} and has no output; read {model.url}/result/{inference_id}")
    raise model.submissions.expired_id(inference_id)


def with_prefix(model: ServedModel, body: bytes) -> bytes:
    """Return the body of a result whose link to its output, written by a worker, has the prefix of the API's proxy."""
    if not model.prefix or not isinstance(model.spec.answers, Bytes):
        return body
    return body.replace(b'"href":"/', b'"href":"%b/' % model.prefix.encode(), 1)


def _headers(inference_id: str, content_type: str) -> dict[str, str]:
    extension = mimetypes.guess_extension(content_type.partition(";")[0]) or ""
    return {
        # Never shown in place: a model may make a page with scripts, which must not run at our address.
        "Content-Disposition": f'attachment; filename="{inference_id}{extension}"',
        "X-Content-Type-Options": "nosniff",
    }
