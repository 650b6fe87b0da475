"""The defects that this harness and the tests beside it brought to light, and the commit that mended each."""

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
        "a client refused by RabbitMQ itself waited for up to a second: each process counts the room that is left now",
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
        "headers that pika cannot decode ended the connection of every worker that received them, at each delivery",
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
    Defect(
        "RabbitMQ or an API process frozen for 5 to 9 s",
        "a confirm that was read in the loop turn in which its publish timed out left the API unready for ever",
        "0fd8905",
    ),
    Defect(
        "suspects under overload",
        "full batches were handed out ahead, so that a suspect never had its turn and expired",
        "4476910",
    ),
    Defect(
        "a slow disk under Redis",
        "a repeated `INCR` counted as another attempt: a job that never ran was answered `worker_crashed`",
        "775bab6",
    ),
    Defect(
        "a repeated `Idempotency-Key`",
        "each repetition was another message, and passed the limit on jobs in flight",
        "06e948b",
    ),
    Defect(
        "a repeated `Idempotency-Key`",
        "a claim whose publish had failed was accepted when its job was over: 202, then 410",
        "06e948b",
    ),
    Defect(
        "bodies that never end",
        "bodies on their way in were bounded one by one, but not in sum",
        "4624acd",
    ),
    Defect(
        "many API processes",
        "only the process that created a queue waited until it was safe; with definitions nobody did",
        "0fd8905",
    ),
    Defect(
        "a slow model",
        "the deadline was looked at when a job was taken: 410, and later `succeeded`",
        "775bab6",
    ),
    Defect(
        "a demoted Redis",
        "a connection to a server that had become a replica was never left",
        "2a54e84",
    ),
    Defect(
        "a forward pass that hangs",
        "the process did not end after SIGTERM: its exit waited for the thread",
        "de3986d",
    ),
    Defect(
        "a worker stopped while a suspect runs",
        "three orderly stops counted as three deaths: `worker_crashed`",
        "775bab6",
    ),
    Defect(
        "slow bodies",
        "the bound on waiting calls was looked at before the body and counted after it",
        "bdeeb12",
    ),
    Defect(
        "a `traceparent` of 30,000 characters",
        "it travelled with the job as it was",
        "0a0c02b",
    ),
    Defect(
        "the queue of dead letters deleted",
        "nobody declared it again",
        "0fd8905",
    ),
    Defect(
        "an unexpected error in a read",
        "every later read of the process waited without an end",
        "bad2024",
    ),
    Defect(
        "an unexpected error in a background task",
        "the process went on without it, unready or silent",
        "635a6ea",
    ),
    Defect(
        "a container stopped while it starts",
        "as the first process Python was spared the signal while it imported",
        "89d84df",
    ),
    Defect(
        "a lost answer of Redis",
        "its repetition counted a whole batch as duplicates",
        "775bab6",
    ),
    Defect(
        "a suspect that was given up",
        "it counted as a solo run",
        "775bab6",
    ),
    Defect(
        "bodies that never end",
        "the bodies that filled the buffers kept every other picture out for 30 s",
        "8bf35e1",
    ),
    Defect(
        "an API process frozen for 7 s",
        "a thousand notifications that had come meanwhile ended the subscription, and with it the process",
        "04481b5",
    ),
)
