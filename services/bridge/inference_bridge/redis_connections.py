"""The connections to Redis: a bounded pool that can be told to reconnect."""

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from inference_bridge.redis_sentinels import MasterConnection, MasterTlsConnection, Sentinels
from inference_bridge.sentinel_url import split_sentinel_url

SOCKET_TIMEOUT_S = 2.0
MAX_CONNECTIONS = 16


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


def connect_redis(url: str, *, ca_file: Path | None = None, retries: int = 1) -> Redis:
    """Return a client with bounded connections and timeouts; it connects on first use and reconnects by itself.

    Args:
        url: `redis://`, `rediss://` for TLS, `unix://`, or either with Sentinels: `redis+sentinel://`.
        ca_file: PEM file of the CA that signs Redis's certificate; without it, the system's CAs.
        retries: how often an unanswered call is repeated silently; with 0 the caller sees each failure.
    """
    tls = {"ssl_ca_certs": ca_file and str(ca_file), "ssl_check_hostname": True} if url.startswith("rediss") else {}
    options = {
        "protocol": 3,  # so that a subscribed connection answers other commands too
        "max_connections": MAX_CONNECTIONS,
        "timeout": SOCKET_TIMEOUT_S,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": SOCKET_TIMEOUT_S,
        "health_check_interval": 15,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries=retries),
    }
    return Redis.from_pool(Connections(**options | tls | _options(url, tls)))


def _options(url: str, tls: dict[str, Any]) -> dict[str, Any]:
    of_sentinels = split_sentinel_url(url)
    if of_sentinels is None:
        return dict(parse_url(url))
    kind = MasterTlsConnection if tls else MasterConnection
    options = parse_url(of_sentinels.redis_urls[0])
    return {**options, "connection_class": kind, "sentinels": Sentinels(of_sentinels, **tls)}
