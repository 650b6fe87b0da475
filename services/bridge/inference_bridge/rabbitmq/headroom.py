"""How much room the queue has left, as far as one publisher can know: what it saw, less what it sent meanwhile."""

#: Once a quorum queue was full, RabbitMQ refuses until it is below this share of its length (`rabbit_fifo`, LOW_LIMIT).
LOW_SHARE = 0.8


class Headroom:
    """Places for messages in a queue of bounded length; pure bookkeeping, no I/O.

    Several publishers may each take the same room; what is too much then is refused by RabbitMQ.

    Args:
        max_length: messages that the queue holds.
    """

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._left = max_length
        self._is_refusing = False

    @property
    def is_ample(self) -> bool:
        """Whether more than half of the places are left."""
        return 2 * self._left > self._max_length and not self._is_refusing

    @property
    def is_left(self) -> bool:
        """Whether one more message would find a place."""
        return self._left > 0 and not self._is_refusing

    def take(self) -> None:
        """Note that a message was sent."""
        self._left -= 1

    def refuse(self) -> None:
        """Note that the queue refused a message."""
        self._is_refusing = True

    def look(self, depth: int, *, unconfirmed: int) -> None:
        """Note how many messages wait now, and how many of ours are on their way and not among them yet."""
        self._left = self._max_length - depth - unconfirmed
        self._is_refusing = self._is_refusing and depth >= LOW_SHARE * self._max_length

    def forget(self) -> None:
        """Start over: the queue may be another one."""
        self._left = self._max_length
        self._is_refusing = False
