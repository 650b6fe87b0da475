"""A model's spec: its name and version, the input that it takes, the answer that it gives.

A spec is written as JSON once (`python -m inference_worker describe`); the API and the chart read that file and need
nothing else of the model.
"""

import hashlib
import json
import re
from functools import cached_property
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationInfo, field_validator, model_validator
from pydantic.dataclasses import dataclass

from inference_bridge.kinds import JSON_BYTES, MAX_BODY_BYTES, Answers, Json, JsonModel, Takes, schema_of

#: Most bytes of an example: a spec file must fit into a ConfigMap of Kubernetes (1 MiB) with the files of other models.
MAX_EXAMPLE_BYTES = 65_536
#: Query parameters that the API reads itself.
RESERVED_PARAMS = ("wait", "ttl", "priority", "timeline", "webhook")
_SCALARS = {"string", "integer", "number", "boolean", "null"}


@dataclass(frozen=True, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
class ModelSpec:
    """Describes a model for the API, the worker and the chart.

    Attributes:
        name: lower-case letters, numerals and hyphens; part of the names of queues, keys and Kubernetes objects.
        version: of the message body; raised when the meaning of its bytes changes. Each version has its own queues, so
            that workers of two versions run side by side.
        takes: the kind of input.
        answers: the kind of answer.
        params: a pydantic model of scalars, which clients send as query parameters; None for a model without any. In a
            spec that was read from a file, its JSON Schema.
        example: an input as clients send it, for the documentation and for tests.
    """

    name: str
    version: Annotated[int, Field(ge=1, le=999)]
    takes: Takes
    answers: Answers
    params: JsonModel | None = None
    example: Annotated[bytes, Field(min_length=1, max_length=MAX_EXAMPLE_BYTES, repr=False)] = b"\0"

    @field_validator("example", mode="before")
    @classmethod
    def _is_bytes(cls, example: object, info: ValidationInfo) -> object:
        # Only the text of a spec file is base64.
        if isinstance(example, str) and info.mode == "python":
            raise ValueError("the example is a str; write b'…' or .encode()")
        return example

    @model_validator(mode="after")
    def _is_consistent(self) -> "ModelSpec":
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", self.name):
            rule = "take up to 30 of a-z, 0-9 and hyphens, with a letter first and no hyphen last"
            raise ValueError(f"{self.name!r} is not a valid name of a model: {rule}")
        if (size := self.takes.max_body_bytes) > MAX_BODY_BYTES:
            raise ValueError(f"an input has up to {size} bytes, but a message holds {MAX_BODY_BYTES}; take a File")
        if isinstance(self.answers, Json) and self.answers.max_bytes != JSON_BYTES:
            raise ValueError("max_bytes is for inputs; INFERENCE_MAX_RESULT_BYTES bounds answers, so leave it out")
        for name, schema in self.params_schema.get("properties", {}).items():
            if name in RESERVED_PARAMS:
                raise ValueError(f"the parameter {name!r} belongs to the API; give it another name")
            if not _is_scalar(schema, self.params_schema):
                raise ValueError(
                    f"the parameter {name!r} is not a text, number, boolean or enum; take it as Json input"
                )
        return self

    @property
    def message_type(self) -> str:
        """Value of the AMQP property `type`, such as `name.v1`."""
        return f"{self.name}.v{self.version}"

    @property
    def queue_prefix(self) -> str:
        """First part of the names of its queues: `name` in version 1, later `name.v2`."""
        return self.name if self.version == 1 else self.message_type

    @cached_property
    def params_schema(self) -> dict[str, Any]:
        """The JSON Schema of the parameters; of an object without properties if the model has none."""
        return {"type": "object", "properties": {}} if self.params is None else schema_of(self.params)

    @cached_property
    def digest(self) -> str:
        """12 hexadecimal characters that differ between two specs of the same version; the example does not count."""
        described = {name: value for name, value in _as_object(self).items() if name != "example"}
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]


def _is_scalar(schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Tell whether a property's schema allows only scalars, following `$ref` and `anyOf`."""
    if "$ref" in schema:
        return _is_scalar(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return all(_is_scalar(one, root) for one in schema["anyOf"])
    return schema.get("type") in _SCALARS or "enum" in schema or "const" in schema


_ADAPTER: TypeAdapter[ModelSpec] = TypeAdapter(ModelSpec)


def _as_object(spec: ModelSpec) -> dict[str, Any]:
    described: dict[str, Any] = _ADAPTER.dump_python(spec, mode="json")
    return described


def to_json(spec: ModelSpec) -> str:
    """Return the text of a spec file.

    The chart reads `queue_prefix`, `max_body_bytes` and `digest`, which follow from the rest.
    """
    derived = {
        "digest": spec.digest,
        "queue_prefix": spec.queue_prefix,
        "max_body_bytes": spec.takes.max_body_bytes,
    }
    return json.dumps({**_as_object(spec), **derived}, indent=2) + "\n"


def from_json(text: str | bytes) -> ModelSpec:
    """Return the spec that `to_json` wrote.

    Raises:
        ValueError: the text is not a valid spec.
    """
    return _ADAPTER.validate_json(text)
