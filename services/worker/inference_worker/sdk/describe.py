"""Writes the spec of a model class as JSON."""

from inference_bridge.spec import to_json
from inference_worker.sdk.find import find_model


def describe(name: str) -> str:
    """Return the spec file of the class that a name stands for.

    Raises:
        ConfigurationError: the class cannot be imported, or is not a valid model.
    """
    return to_json(find_model(name).spec)
