"""Connections to the Redis that Sentinels name as the master at that moment."""

from typing import Any
from urllib.parse import parse_qsl

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError

from inference_bridge.sentinel_url import SentinelUrl

SENTINEL_PORT = 26_379
#: Short, because the next Sentinel may answer.
SENTINEL_TIMEOUT_S = 0.5


class Sentinels:
    """The Sentinels of a URL; a Sentinel that does not help is asked last from then on.

    redis-py's class of this name asks with `SENTINEL masters`, which names the old master for longer, and may lose
    Sentinels from its list when several connections ask at once.

    Args:
        url: of the Sentinels.
        tls: more options of their connections, by redis-py's names.
    """

    def __init__(self, url: SentinelUrl, **tls: Any) -> None:
        self._master = url.master
        login = {name.removeprefix("sentinel_"): value for name, value in parse_qsl(url.login)}
        self._options = [{**tls, **_options(redis_url), **login} for redis_url in url.redis_urls]

    async def address(self) -> tuple[str, int]:
        """Return host and port of the master; raise redis-py's ConnectionError if no Sentinel names it."""
        reasons = []
        for options in tuple(self._options):
            try:
                if address := await _ask(options, self._master):
                    return address
                reasons.append("unknown name")
            except (RedisError, OSError) as error:
                reasons.append(str(error) or type(error).__name__)
            # At once: the caller may give up before another answers.
            self._options.remove(options)
            self._options.append(options)
        raise NotConnected(f"no Sentinel names the master {self._master}: {', '.join(reasons)}")


class MasterConnection(Connection):
    """A connection that asks Sentinels where to connect."""

    def __init__(self, *, sentinels: Sentinels, **options: Any) -> None:
        super().__init__(**options)
        self._sentinels = sentinels

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect to the present master, if this connection is not connected."""
        if not self.is_connected:
            self.host, self.port = await self._sentinels.address()
        await super().connect_check_health(check_health, retry_socket_connect)


class MasterTlsConnection(MasterConnection, SSLConnection):
    """The same over TLS."""


def _options(redis_url: str) -> dict[str, Any]:
    of_redis = ("username", "password", "db")
    options = {name: value for name, value in parse_url(redis_url).items() if name not in of_redis}
    return {
        "port": SENTINEL_PORT,
        "socket_timeout": SENTINEL_TIMEOUT_S,
        "socket_connect_timeout": SENTINEL_TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        **options,
    }


async def _ask(options: dict[str, Any], master: str) -> tuple[str, int] | None:
    async with Redis.from_pool(ConnectionPool(**options)) as sentinel:
        answer = await sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", master)  # type: ignore[no-untyped-call]
    return answer or None
