"""What this harness and the tests beside it brought to light, and the commit that mended it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defect:
    """A row of the report.

    Attributes:
        found_by: the fault, or the test.
        what: went wrong.
        commit: that mended it.
    """

    found_by: str
    what: str
    commit: str


_ROOM = "6d97341"
_PING = "151daa5"
_BRIDGE = "d769c09"
_WORKER = "fc66597"
_HTTP = "867f686"
_CHAOS = "08aa8e4"
_CHART = "44fa52d"

DEFECTS = (
    Defect(
        "the queue deleted",
        "with no worker running, the API published to the queue that was gone and answered 503 for ever",
        _ROOM,
    ),
    Defect("overload", "a submission to a full queue was decoded and published before it was refused", _ROOM),
    Defect("overload", "`Retry-After` was a guess", _ROOM),
    Defect(
        "overload",
        "who was refused by RabbitMQ itself waited for up to a second: each process counts the room that is left now",
        _CHAOS,
    ),
    Defect(
        "half-open connections",
        "a subscription to results that fell silent was never given up: waiting calls were late by up to 5 s for good",
        _PING,
    ),
    Defect(
        "poison", "a batch could start before the result of a suspect was stored, and be blamed for its death", _WORKER
    ),
    Defect(
        "strangers' messages",
        "headers that pika cannot decode ended the connection of every worker that received them, again and again",
        _BRIDGE,
    ),
    Defect(
        "strangers' messages",
        "RabbitMQ 3.10 stopped dead-lettering from a queue that had to hand on a forged `x-death` header",
        _BRIDGE,
    ),
    Defect("TLS", "a failed handshake with RabbitMQ ended the reconnecting for good, without a word", _BRIDGE),
    Defect(
        "hostile pictures",
        "some took seconds of CPU: 1,800 colour profiles (3.9 s, on the event loop), a text bitmap of comments (18 s)",
        _HTTP,
    ),
    Defect("hostile pictures", "a palette PNG without a palette, and a form with a long boundary, were a 500", _HTTP),
    Defect("hostile pictures", "a deep picture of 16 megapixels took 430 MB, now 133", _HTTP),
    Defect(
        "slow clients", "a request's head had neither a size nor a time, nor had a connection that says nothing", _HTTP
    ),
    Defect("schemathesis", "`?wait=1e-07` was a 400, and the 503 of `/readyz` was not documented", _HTTP),
    Defect(
        "Redis' pod deleted (`make e2e`)",
        "with `user default off` in its ACL file Redis drops transactions when it reads its log: all results",
        _CHART,
    ),
)
