"""What a served model takes and gives, and where its two halves are."""

from dataclasses import dataclass, field
from math import prod

from inference_bridge.errors import ConfigurationError
from inference_bridge.imports import import_named


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as the wire sees it. The halves are named, not imported: each side loads its own alone.

    Attributes:
        name: lower-case name; queues, routing key and notifications carry it.
        version: version of the wire format, raised when the body's meaning changes.
        shape: shape of one input tensor, row-major uint8.
        class_count: number of classes, so the length of `probabilities`.
        model: the worker's half, as `package.module:Class`; see `inference_worker.model.Model`.
        prepare: the API's half, as `package.module:function`; see `inference_api.model.Prepare`. None if the caller
            sends the tensor itself.
        example: an input as a caller sends it.
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
        ConfigurationError: there is none.
    """
    try:
        spec = import_named(path)
    except ConfigurationError as error:
        raise ConfigurationError(f"INFERENCE_MODEL: {error}") from error
    if not isinstance(spec, ModelSpec):
        raise ConfigurationError(f"INFERENCE_MODEL is {path!r}, a {type(spec).__name__}, expected a ModelSpec")
    return spec
