"""The connections to Redis: a bounded pool that can leave the server that it is connected to."""

from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection


class Connections(BlockingConnectionPool):
    """A pool whose connections last until they fail or `leave` is called.

    A server that was demoted keeps its connections and answers on them, while its address may stand for another one.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._generation = 0
        self._generations: WeakKeyDictionary[AbstractConnection, int] = WeakKeyDictionary()

    def leave(self) -> None:
        """Let every connection be made anew before it is used again; the address is resolved again for each."""
        self._generation += 1

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect what is about to be used, if it is not connected or is older than the last `leave`."""
        if self._generations.get(connection) != self._generation:
            # Without waiting: nobody else may take hold of it meanwhile, and nothing is outstanding.
            await connection.disconnect(nowait=True)
        self._generations[connection] = self._generation
        await super().ensure_connection(connection)
