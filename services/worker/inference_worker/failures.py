"""The failure of one job, as its client reads it; an error of a model's code, as its author reads it."""

import logging
import re
import traceback
from dataclasses import fields
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from inference_bridge.errors import DeviceLost, InferenceError, InvalidInput, PredictionFailed
from inference_bridge.kinds import Answers, Takes
from inference_bridge.spec import ModelSpec
from inference_worker.device import is_device_lost

logger = logging.getLogger(__name__)

_FIELDS: dict[str, dict[int | str, str]] = {
    described.__name__: {place: field.name for place, field in enumerate(fields(described))}
    for described in (ModelSpec, *get_args(get_args(Takes)[0]), *get_args(get_args(Answers)[0]))
}
#: Parts of the names of files in which no author looks for an error.
_FOREIGN = re.compile("/lib/python3|<frozen|/inference_(bridge|worker)/")

#: The error of a job that has no answer.
Failure = InvalidInput | PredictionFailed


def check_device(error: Exception) -> None:
    """Raise `DeviceLost` if this error says that the device has failed."""
    if isinstance(error, DeviceLost):
        raise error
    if is_device_lost(error):
        raise DeviceLost(f"the device failed: {error}; restart the worker") from error


def failure_of(error: Exception) -> Failure:
    """Return the failure of the job for which a model's code has raised this error.

    The message of a foreign error may quote the input, so clients read only its type; the log has all of it.

    Raises:
        DeviceLost: the error says that the device has failed.
    """
    check_device(error)
    if isinstance(error, InvalidInput | PredictionFailed):
        return error
    logger.error("prediction failed", exc_info=error, extra={"error": str(error)})
    return PredictionFailed(f"the model could not answer this input ({type(error).__name__})")


def first_problem(error: ValidationError) -> str:
    """Return where a document is wrong first, and the rule; never the value, which may be long or private."""
    problem = error.errors(include_url=False, include_input=False)[0]
    # Of a spec, pydantic names an argument without a name by its place.
    names = _FIELDS.get(error.title, {})
    where = ".".join(str(part if depth else names.get(part, part)) for depth, part in enumerate(problem["loc"]))
    rule = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {rule}" if where else rule


def describe_error(error: Exception) -> str:
    """Return an error in words, with the last line of the author's code that led to it."""
    if isinstance(error, InferenceError):
        return str(error)
    if isinstance(error, ValidationError):
        return f"the {error.title} is not valid: {first_problem(error)}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _FOREIGN.search(frame.filename)]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
