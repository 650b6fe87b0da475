"""Finds the class of a model for the author's commands."""

import sys
import traceback
from contextlib import redirect_stdout

from pydantic import ValidationError

from inference_bridge.errors import ConfigurationError
from inference_worker.items import first_problem
from inference_worker.model import Model, import_model


def find_model(name: str) -> type[Model]:
    """Return the class that a name stands for.

    Raises:
        ConfigurationError: it cannot be imported, or is not a valid model.
    """
    try:
        # A module that prints while it is imported must not write into the output of a command.
        with redirect_stdout(sys.stderr):
            return import_model(name)
    except ConfigurationError as error:
        raise ConfigurationError(_in_one_line(error)) from error
    # The boundary to a model's code.
    except Exception as error:
        traceback.print_exc()
        raise ConfigurationError(f"{name!r} raised {type(error).__name__} while it was imported; correct it") from error


def _in_one_line(error: ConfigurationError) -> str:
    if isinstance(error.__cause__, ValidationError):
        return f"the {error.__cause__.title} of the class is not valid: {first_problem(error.__cause__)}"
    return str(error)
