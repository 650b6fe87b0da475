"""How many messages wait in the queues."""

from typing import NamedTuple


class Depths(NamedTuple):
    """Waiting messages, without the messages that a worker holds."""

    jobs: int
    suspects: int
