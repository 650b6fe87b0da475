"""The API's own errors, in the tree of `inference_bridge.errors`.

InferenceError
├── InvalidRequest               the caller's request around the input; 4xx
│   ├── Unauthorized             no key, or not a known one
│   ├── IdempotencyConflict      same key, other input
│   ├── RequestTimeout           the body came too slowly
│   └── ExpiredId                issued, but the result is gone for good
├── OverAllowance                this caller has had its share for now; 429 with Retry-After
│   ├── RateLimited              too many submissions per second
│   └── TooManyInFlight          too many jobs accepted and not finished
└── Unavailable                  not now; 503 with Retry-After
    └── BuffersFull              inputs on their way in fill the memory for them
"""

from inference_bridge.errors import InferenceError, Unavailable


class InvalidRequest(InferenceError):
    """Raised when the HTTP request around the input is wrong."""

    code = "invalid_request"


class Unauthorized(InvalidRequest):
    """Raised when a call brings no key, or none that we know."""

    code = "unauthorized"


class IdempotencyConflict(InvalidRequest):
    """Raised when an `Idempotency-Key` comes back with another input."""

    code = "idempotency_conflict"


class RequestTimeout(InvalidRequest):
    """Raised when the body of a request does not arrive in time."""

    code = "request_timeout"


class ExpiredId(InvalidRequest):
    """Raised when an id was issued but its result no longer exists."""

    code = "expired_id"


class OverAllowance(InferenceError):
    """Raised when a client has used up what it is allowed for now, whatever the service could do.

    Attributes:
        retry_after_s: seconds after which trying again makes sense, 1 or more.
    """

    code = "over_allowance"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(OverAllowance):
    """Raised when a client submits more per second than it may."""

    code = "rate_limited"


class TooManyInFlight(OverAllowance):
    """Raised when a client has as many jobs accepted and not finished as it may."""

    code = "too_many_in_flight"


class BuffersFull(Unavailable):
    """Raised when the bodies of all calls together fill the memory that is meant for them."""

    code = "buffers_full"
