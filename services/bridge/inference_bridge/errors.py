"""The errors that API and worker share. Each class has a stable `code`; clients may read the message.

`inference_api.errors` has the errors of HTTP requests, `inference_pictures.errors` those of pictures.

InferenceError
├── InvalidInput                 the caller's input; 4xx; each kind of input adds subclasses
│   ├── EmptyInput               no bytes at all
│   ├── InputTooLarge            more bytes than allowed
│   └── UnsupportedInput         not a format that we read
├── UnknownId                    an id that was never issued by this service
├── Unavailable                  a later try may succeed; 503 with Retry-After
│   ├── BrokerUnavailable        RabbitMQ is away, blocked or silent
│   ├── QueueFull                the queue or this process is full
│   └── StoreUnavailable         Redis is away or silent
├── InvalidMessage               a foreign message: not a valid job
├── PredictionFailed             the model raised for this input
│   ├── BadAnswer                its answer is not of the kind in its spec
│   └── ResultTooLarge           its answer has more bytes than allowed
├── DeviceLost                   the GPU is unusable; the process must restart
└── ConfigurationError           a setting, topology or weights file is wrong
    └── WeightsError             the weights are missing, broken or of another model
"""

from typing import ClassVar


class InferenceError(Exception):
    """Base of every error that this system raises itself."""

    code: ClassVar[str] = "inference_error"


class InvalidInput(InferenceError):
    """Raised when the input is invalid, so that another try would fail too."""

    code = "invalid_input"


class EmptyInput(InvalidInput):
    """Raised when the input is empty."""

    code = "empty_input"


class InputTooLarge(InvalidInput):
    """Raised when the input has more bytes than the limit."""

    code = "input_too_large"


class UnsupportedInput(InvalidInput):
    """Raised when the bytes have none of the formats that we read."""

    code = "unsupported_input"


class UnknownId(InferenceError):
    """Raised when an id was never issued with this service's key."""

    code = "unknown_id"


class Unavailable(InferenceError):
    """Raised when the same request may succeed later.

    Attributes:
        retry_after_s: seconds to wait before the next try, 1 or more.
    """

    code = "unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BrokerUnavailable(Unavailable):
    """Raised when the broker did not confirm a job."""

    code = "broker_unavailable"


class QueueFull(Unavailable):
    """Raised when the queue, or this process, is full."""

    code = "queue_full"


class StoreUnavailable(Unavailable):
    """Raised when the result store did not answer."""

    code = "store_unavailable"


class InvalidMessage(InferenceError):
    """Raised when a message is not a valid job of this model."""

    code = "invalid_message"


class PredictionFailed(InferenceError):
    """Raised when the model cannot handle an input that passed every check."""

    code = "prediction_failed"


class BadAnswer(PredictionFailed):
    """Raised when a model's answer is not of the kind in its spec."""

    code = "bad_answer"


class ResultTooLarge(PredictionFailed):
    """Raised when a model's answer has more bytes than the limit."""

    code = "result_too_large"


class DeviceLost(InferenceError):
    """Raised when the GPU fails or a forward pass hangs; only a restart helps."""

    code = "device_lost"


class ConfigurationError(InferenceError):
    """Raised at start when a setting, the topology or a file is wrong."""

    code = "configuration_error"


class WeightsError(ConfigurationError):
    """Raised when a weights file is missing, broken or for another model."""

    code = "weights_error"
