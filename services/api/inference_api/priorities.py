"""The priorities of jobs: their numbers in AMQP, and the share of the queue that each may fill."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from inference_api.clients.require_key import HAS_HIGH, client_of
from inference_api.errors import InvalidRequest, NotAllowed


@dataclass(frozen=True, slots=True)
class Priority:
    """A priority.

    Attributes:
        number: AMQP's property; None for an ordinary job. RabbitMQ 4.3 takes that for 4.
        share: of the queue that jobs of this priority may fill, 0 to 1.
    """

    number: int | None
    share: float


#: A flood of jobs without haste leaves half of the queue to the others.
LOW = Priority(1, 0.5)
ORDINARY = Priority(None, 1.0)
#: The rest of the queue is for `HIGH`, where a client may use it.
ORDINARY_BESIDE_HIGH = Priority(None, 0.9)
HIGH = Priority(9, 1.0)


def read_priority(request: Request, query: Mapping[str, str]) -> Priority:
    """Return the priority in `?priority=low` or `?priority=high`; without it, that of ordinary jobs.

    Raises:
        InvalidRequest: it is another word.
        NotAllowed: the key file does not give the client the right to `high`, or there is no key file.
    """
    asked = query.get("priority")
    if asked is None:
        return ORDINARY_BESIDE_HIGH if request.scope.get(HAS_HIGH) else ORDINARY
    if asked == "low":
        return LOW
    if asked != "high":
        raise InvalidRequest(f"priority is {asked[:64]!r}, expected low or high; correct it, or leave it out")
    if not client_of(request).high_priority:
        raise NotAllowed(
            "only clients with high_priority = true in the operator's key file may use priority=high; leave it out"
        )
    return HIGH
