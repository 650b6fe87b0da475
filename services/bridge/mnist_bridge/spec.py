"""What a served model takes and gives: the one place that knows its name, shape and version."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as the wire sees it.

    Attributes:
        name: lower-case name; queues, routing key and notifications carry it.
        version: version of the wire format, raised when the body's meaning changes.
        shape: shape of one input tensor, row-major uint8, 0 = background, 255 = ink.
        class_count: number of classes, so the length of `probabilities`.
    """

    name: str
    version: int
    shape: tuple[int, ...]
    class_count: int

    @property
    def body_bytes(self) -> int:
        """Length in bytes of a message body: the product of the shape."""
        return prod(self.shape)

    @property
    def message_type(self) -> str:
        """Value of the AMQP property `type`, such as `mnist.v1`."""
        return f"{self.name}.v{self.version}"


MNIST = ModelSpec(name="mnist", version=1, shape=(28, 28), class_count=10)
