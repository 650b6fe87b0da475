"""What the faults brought to light, and the commit that mended it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defect:
    """A row of the report.

    Attributes:
        found_by: the fault.
        what: went wrong.
        commit: the first line of the commit that mended it.
    """

    found_by: str
    what: str
    commit: str


DEFECTS = (
    Defect(
        "the jobs queue deleted",
        "with no worker running, the API went on publishing to the queue that was gone and answered 503 for ever",
        "Look at the queue's depth, refuse at once while it is full, declare again what was deleted",
    ),
    Defect(
        "overload",
        "a submission to a full queue was decoded and published before it was refused; `Retry-After` was a guess",
        "Look at the queue's depth, refuse at once while it is full, declare again what was deleted",
    ),
    Defect(
        "half-open connections",
        "a subscription to results that fell silent was never given up: waiting calls were late by up to 5 s for good",
        "Give up a subscription that answers no ping",
    ),
)
