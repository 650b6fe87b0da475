"""The connections to Redis: a bounded pool that can be told to reconnect."""

from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection


class Connections(BlockingConnectionPool):
    """A pool whose connections last until they fail or `renew` is called.

    A demoted master keeps answering on its connections, while its address may already lead to the new master.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._generation = 0
        self._generations: WeakKeyDictionary[AbstractConnection, int] = WeakKeyDictionary()

    def renew(self) -> None:
        """Make every connection reconnect before its next use; each resolves the address again."""
        self._generation += 1

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect a connection before its use, if it is not connected or is older than the last `renew`."""
        if self._generations.get(connection) != self._generation:
            # Without waiting: no answer is outstanding, and no other task may take the connection meanwhile.
            await connection.disconnect(nowait=True)
        self._generations[connection] = self._generation
        await super().ensure_connection(connection)
