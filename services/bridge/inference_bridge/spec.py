"""A model's spec: its input, its answer, and the names of its two halves."""

from dataclasses import dataclass, field
from math import prod

from inference_bridge.errors import ConfigurationError
from inference_bridge.imports import import_named


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Describes a model for API and worker. It names the two halves: each side imports only its own.

    Attributes:
        name: lower-case name; part of the names of queues, routing key and notification channel.
        version: of the message body; raised when its meaning changes.
        shape: shape of one input tensor, row-major uint8.
        class_count: number of classes, the length of `probabilities`.
        model: the worker's half, as `package.module:Class`; see `inference_worker.model.Model`.
        prepare: the API's half, as `package.module:function`; see `inference_api.model.Prepare`. None if clients
            send the tensor itself.
        example: an input as clients send it.
    """

    name: str
    version: int
    shape: tuple[int, ...]
    class_count: int
    model: str
    prepare: str | None = None
    example: bytes = field(default=b"", repr=False)

    @property
    def body_bytes(self) -> int:
        """Length in bytes of a message body: the product of the shape."""
        return prod(self.shape)

    @property
    def message_type(self) -> str:
        """Value of the AMQP property `type`, such as `name.v1`."""
        return f"{self.name}.v{self.version}"


def load_spec(path: str) -> ModelSpec:
    """Return the spec at `package.module:SPEC`.

    Raises:
        ConfigurationError: there is no spec of this name.
    """
    try:
        spec = import_named(path)
    except ConfigurationError as error:
        raise ConfigurationError(f"INFERENCE_MODEL: {error}") from error
    if not isinstance(spec, ModelSpec):
        raise ConfigurationError(f"INFERENCE_MODEL is {path!r}, a {type(spec).__name__}, expected a ModelSpec")
    return spec
