"""How many messages wait in the queues."""

from typing import NamedTuple


class Depths(NamedTuple):
    """Messages that wait; those that a worker holds are not among them."""

    jobs: int
    suspects: int
