"""Specs of models that the chart does not have, as Helm gets them."""

import json

from inference_bridge.kinds import File, Probabilities
from inference_bridge.spec import ModelSpec, to_json

#: Of an input: the 4 GiB of a queue hold 1,073 of them.
MAX_BYTES = 4_000_000


def spec_of(name: str, version: int = 1) -> ModelSpec:
    """Return the spec of a model that takes files."""
    return ModelSpec(name, version, File(("audio/wav",), max_bytes=MAX_BYTES), Probabilities(2), example=b"RIFF")


def add_model(key: str, *, name: str | None = None, version: int = 1) -> tuple[str, ...]:
    """Return Helm's arguments that add a model with its image under a key; its name is the key unless given."""
    return (*add_spec(key, spec_of(name or key, version)), "--set", f"models.{key}.worker.image.repository=mine/{key}")


def add_spec(key: str, spec: ModelSpec) -> tuple[str, ...]:
    """Return Helm's arguments that add a spec under a key, as `--set-file` does."""
    return ("--set-json", f"models.{key}.spec={json.dumps(to_json(spec))}")
