"""Estimates the headroom of a queue: its free places at the last look, minus the messages sent since."""

from inference_bridge.errors import InputTooLarge, QueueFull

#: A full quorum queue refuses until it is below this share of its length (`rabbit_fifo`, LOW_LIMIT).
LOW_SHARE = 0.8


class Headroom:
    """The number of messages that still fit into a queue; without I/O.

    Several publishers may count the same headroom; RabbitMQ then refuses the surplus.

    Args:
        max_length: most messages in the queue.
    """

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._left = max_length
        self._is_refusing = False

    @property
    def is_ample(self) -> bool:
        """Whether more than half of the queue is free."""
        return 2 * self._left > self._max_length and not self._is_refusing

    def is_left(self, count: int = 1, share: float = 1.0) -> bool:
        """Tell whether `count` more messages fit into this share of the queue."""
        return self._left - count >= self._max_length * (1 - share) and not self._is_refusing

    def take(self) -> None:
        """Count a sent message."""
        self._left -= 1

    def refuse(self) -> None:
        """Note that the queue refused a message."""
        self._is_refusing = True

    def look(self, depth: int, *, unconfirmed: int) -> None:
        """Set the headroom from the depth of the queue and the number of our unconfirmed messages."""
        self._left = self._max_length - depth - unconfirmed
        self._is_refusing = self._is_refusing and depth >= LOW_SHARE * self._max_length

    def forget(self) -> None:
        """Start over, because the queue may be a new one."""
        self._left = self._max_length
        self._is_refusing = False


def queue_full(most: int, count: int, share: float, *, retry_after_s: int = 1) -> QueueFull | InputTooLarge:
    """Return the error for `count` jobs that do not fit under `most` jobs, a share of the queue."""
    limit = "its limit" if share == 1 else "the limit for this priority"
    if count > max(1, most):
        return InputTooLarge(f"the batch has {count} jobs, but the queue holds at most {most}, {limit}; send fewer")
    found = f"the queue holds {most} jobs" if count == 1 else f"the queue has no place for {count} jobs under {most}"
    return QueueFull(f"{found}, {limit}; try again later", retry_after_s=retry_after_s)
