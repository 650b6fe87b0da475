"""The known load: inputs of one model, and its own answer to each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Workload:
    """Inputs to submit.

    Attributes:
        model: the model's name.
        inputs: as clients send them.
        answers: for each, the fields of its result that the model decides, asked without any queue.
        environment: settings with which the API and the workers serve this model.
    """

    model: str
    inputs: list[bytes]
    answers: list[dict[str, Any]]
    environment: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of inputs."""
        return len(self.inputs)

    def first(self, count: int) -> "Workload":
        """Return the first `count` of the inputs."""
        return Workload(self.model, self.inputs[:count], self.answers[:count], self.environment)

    def is_right(self, number: int, result: dict[str, Any]) -> bool:
        """Tell whether a result has the model's own answer to the input of this number, numbers within 1e-4."""
        return all(_is_close(result.get(name), answer) for name, answer in self.answers[number].items())


def _is_close(found: Any, expected: Any) -> bool:
    match expected:
        case dict():
            is_alike = isinstance(found, dict) and found.keys() == expected.keys()
            return is_alike and all(_is_close(found[key], value) for key, value in expected.items())
        case list():
            return isinstance(found, list) and len(found) == len(expected) and all(map(_is_close, found, expected))
        case float():
            return isinstance(found, int | float) and abs(found - expected) <= TOLERANCE
    return bool(found == expected)
