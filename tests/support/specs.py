"""A small spec for tests that need no model."""

import uuid

from inference_bridge.kinds import Probabilities, Tensor
from inference_bridge.spec import ModelSpec

#: Four bytes in, three probabilities out.
INPUT, ANSWER = Tensor("uint8", (2, 2)), Probabilities(3)


def small_spec(name: str | None = None) -> ModelSpec:
    """Return a spec with this name, or with a name that no other test has."""
    return ModelSpec(name or f"test-{uuid.uuid4().hex[:8]}", version=1, takes=INPUT, answers=ANSWER)
