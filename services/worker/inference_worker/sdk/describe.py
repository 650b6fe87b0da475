"""Writes the spec of a model class as JSON."""

import sys
from contextlib import redirect_stdout

from inference_bridge.spec import to_json
from inference_worker.model import import_model


def describe(name: str) -> str:
    """Return the spec file of the class that a name stands for.

    Raises:
        ConfigurationError: the class cannot be imported, or is not a valid model.
    """
    # A module that prints while it is imported must not write into the spec file.
    with redirect_stdout(sys.stderr):
        model = import_model(name)
    return to_json(model.spec)
