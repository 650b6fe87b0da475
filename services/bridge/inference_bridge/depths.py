"""How many messages wait in the queues."""

from typing import NamedTuple


class Depths(NamedTuple):
    """Waiting messages, without the messages that a worker holds.

    Attributes:
        jobs: of the jobs queue.
        suspects: of the retry queue, with rejected messages on their way to the dead queue.
    """

    jobs: int
    suspects: int
