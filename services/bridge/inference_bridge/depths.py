"""How many messages wait in the queues."""

from collections.abc import Callable
from typing import NamedTuple

#: Takes the number of waiting jobs and of consumers.
OnLook = Callable[[int, int], None]


class Depths(NamedTuple):
    """Waiting messages, without the messages that a worker holds.

    Attributes:
        jobs: of the jobs queue.
        suspects: of the retry queue, with rejected messages on their way to the dead queue.
    """

    jobs: int
    suspects: int


def ignore_look(ready: int, consumers: int) -> None:
    """Do nothing: nobody wants to know."""
