"""The API's own errors, in the tree of `inference_bridge.errors`.

InferenceError
├── InvalidRequest               the HTTP request is wrong, apart from its input; 4xx
│   ├── Unauthorized             no known API key
│   ├── IdempotencyConflict      the same idempotency key with another input
│   ├── RequestTimeout           the body came too slowly
│   ├── UnknownModel             no served model has this name
│   ├── UnknownWebhook           the client has no webhook of this name
│   ├── NoWebhook                the job has no webhook
│   ├── NoOutput                 the answer is not a file
│   ├── NotFinished              the job has no result yet
│   └── ExpiredId                the id is valid, but its result has expired
├── OverAllowance                the client has reached a limit; 429 with Retry-After
│   ├── RateLimited              too many submissions per second
│   └── TooManyInFlight          too many jobs in flight
└── Unavailable                  a later try may succeed; 503 with Retry-After
    └── BuffersFull              arriving inputs fill the memory for them
"""

from inference_bridge.errors import InferenceError, Unavailable


class InvalidRequest(InferenceError):
    """Raised when the HTTP request is wrong, apart from its input."""

    code = "invalid_request"


class Unauthorized(InvalidRequest):
    """Raised when a call has no known API key."""

    code = "unauthorized"


class IdempotencyConflict(InvalidRequest):
    """Raised when an `Idempotency-Key` is used again with another input."""

    code = "idempotency_conflict"


class RequestTimeout(InvalidRequest):
    """Raised when the body of a request does not arrive in time."""

    code = "request_timeout"


class UnknownModel(InvalidRequest):
    """Raised when no served model has the name in the path."""

    code = "unknown_model"


class UnknownWebhook(InvalidRequest):
    """Raised when a client has no webhook of this name."""

    code = "unknown_webhook"


class NoWebhook(InvalidRequest):
    """Raised when a client asks for the webhook of a job that has none."""

    code = "no_webhook"


class NoOutput(InvalidRequest):
    """Raised when a client asks for the output of a job that has none, now and later."""

    code = "no_output"


class NotFinished(InvalidRequest):
    """Raised when a client asks for the output of a job that has no result yet."""

    code = "not_finished"


class ExpiredId(InvalidRequest):
    """Raised when an id is valid but its result has expired."""

    code = "expired_id"


class OverAllowance(InferenceError):
    """Raised when a client has reached one of its limits.

    Attributes:
        retry_after_s: seconds to wait before the next try, 1 or more.
    """

    code = "over_allowance"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(OverAllowance):
    """Raised when a client submits too often per second."""

    code = "rate_limited"


class TooManyInFlight(OverAllowance):
    """Raised when a client has too many jobs in flight."""

    code = "too_many_in_flight"


class BuffersFull(Unavailable):
    """Raised when the bodies of all calls fill the memory for them."""

    code = "buffers_full"
