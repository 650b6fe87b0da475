"""Answers errors as RFC 9457 problems: a stable `type`, and a sentence with the value, the rule and the remedy."""

import json
import logging
import random
from http import HTTPStatus

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from inference_api import errors
from inference_bridge import errors as shared

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
#: Most characters of a path or a method in a message.
_SHOWN_CHARS = 128

STATUS_BY_ERROR: dict[type[shared.InferenceError], HTTPStatus] = {
    shared.InputTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    shared.UnsupportedInput: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    shared.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.IdempotencyConflict: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    shared.UnknownId: HTTPStatus.NOT_FOUND,
    errors.UnknownModel: HTTPStatus.NOT_FOUND,
    errors.NoOutput: HTTPStatus.NOT_FOUND,
    errors.NoWebhook: HTTPStatus.NOT_FOUND,
    errors.NotFinished: HTTPStatus.CONFLICT,
    errors.ExpiredId: HTTPStatus.GONE,
    errors.InvalidRequest: HTTPStatus.BAD_REQUEST,
    errors.OverAllowance: HTTPStatus.TOO_MANY_REQUESTS,
    shared.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: Exception) -> HTTPStatus:
    """Return the status of the answer to an error; 500 for any other error."""
    known = (STATUS_BY_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_BY_ERROR)
    return next(known, HTTPStatus.INTERNAL_SERVER_ERROR)


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return a problem response; `code` is the `code` of an error."""
    body = {
        "type": f"urn:problem:{code.replace('_', '-')}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return Response(json.dumps(body), status, headers, media_type=MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Make the application answer every error, expected or not, with a problem body."""
    app.add_exception_handler(shared.InferenceError, respond_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_defect)


async def respond_error(request: Request, error: Exception) -> Response:
    """Return the problem for one of our errors; log any other one, and answer 500."""
    status = status_of(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR or not isinstance(error, shared.InferenceError):
        return await _on_defect(request, error)
    headers = {}
    if isinstance(error, shared.Unavailable):
        # Random, so that clients refused together do not all return at once.
        headers["Retry-After"] = str(error.retry_after_s + random.randint(0, 2))
    if isinstance(error, errors.OverAllowance):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, shared.InputTooLarge | errors.RequestTimeout | errors.BuffersFull):
        headers["Connection"] = "close"  # the rest of the body is not read
    return problem(status, error.code, str(error), headers)


async def _on_http_error(request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else None
    docs = f"{request.scope.get('root_path', '')}/docs"
    return problem(status, status.name.lower(), f"{_found(request, status)}; see {docs} for the calls", headers)


def _found(request: Request, status: HTTPStatus) -> str:
    path, method = repr(request.scope["path"][:_SHOWN_CHARS]), request.method[:_SHOWN_CHARS]
    match status:
        case HTTPStatus.NOT_FOUND:
            return f"there is nothing at {path}"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return f"the path {path} does not take {method}"
        case _:
            return status.description


async def _on_defect(_: Request, error: Exception) -> Response:
    logger.error("unexpected error", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "a defect of the service; it has been logged")
