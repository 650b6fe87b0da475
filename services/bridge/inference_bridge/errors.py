"""The error tree of both sides. Each class has a stable `code`; the message is a sentence that may be shown.

What a request can do wrong is in `inference_api.errors`, what a picture can in `inference_pictures.errors`.

InferenceError
├── InvalidInput                 the caller's input; 4xx, subclasses of it where a kind of input is read
│   ├── EmptyInput               no bytes at all
│   ├── InputTooLarge            more bytes than allowed
│   └── UnsupportedInput         not a format that we take
├── UnknownId                    an id that was never issued by this service
├── Unavailable                  not now; 503 with Retry-After
│   ├── BrokerUnavailable        RabbitMQ away, blocked or silent
│   ├── QueueFull                the broker or this process holds all it may
│   └── StoreUnavailable         Redis away or silent
├── InvalidMessage               a message on the queue that is no job of ours
├── PredictionFailed             the model raised for this input
├── DeviceLost                   the accelerator is unusable; the process must restart
└── ConfigurationError           a setting, topology or weights file that cannot work
    └── WeightsError             weights that are missing, broken or not ours
"""

from typing import ClassVar


class InferenceError(Exception):
    """Base of every error that this system raises on purpose."""

    code: ClassVar[str] = "inference_error"


class InvalidInput(InferenceError):
    """Raised when the input cannot be used, whatever the service does."""

    code = "invalid_input"


class EmptyInput(InvalidInput):
    """Raised when the input has no bytes at all."""

    code = "unreadable_image"  # public, and older than other inputs than pictures


class InputTooLarge(InvalidInput):
    """Raised when the input has more bytes than the limit."""

    code = "image_too_large"  # public, and older than other inputs than pictures


class UnsupportedInput(InvalidInput):
    """Raised when the bytes are not in a format that we take."""

    code = "unsupported_input"


class UnknownId(InferenceError):
    """Raised when an id was never issued with this service's key."""

    code = "unknown_id"


class Unavailable(InferenceError):
    """Raised when the same request may succeed later.

    Attributes:
        retry_after_s: seconds after which trying again makes sense, 1 or more.
    """

    code = "unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BrokerUnavailable(Unavailable):
    """Raised when the broker did not confirm a job."""

    code = "broker_unavailable"


class QueueFull(Unavailable):
    """Raised when the queue, or this process, holds all the jobs it may."""

    code = "queue_full"


class StoreUnavailable(Unavailable):
    """Raised when the result store did not answer."""

    code = "store_unavailable"


class InvalidMessage(InferenceError):
    """Raised when a message from the queue is no job for this model."""

    code = "invalid_message"


class PredictionFailed(InferenceError):
    """Raised when the model cannot handle an input that passed every check."""

    code = "prediction_failed"


class DeviceLost(InferenceError):
    """Raised when the accelerator's context is dead or a forward pass hangs; only a restart helps."""

    code = "device_lost"


class ConfigurationError(InferenceError):
    """Raised at start when a setting, the topology or a file cannot work."""

    code = "configuration_error"


class WeightsError(ConfigurationError):
    """Raised when a weights file is missing, broken or for another model."""

    code = "weights_error"
