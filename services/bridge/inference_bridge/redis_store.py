"""Results in Redis: first writer wins, one call per batch, one notification per batch."""

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError

from inference_bridge.errors import StoreUnavailable
from inference_bridge.ids import ID_LENGTH
from inference_bridge.redis_connections import Connections
from inference_bridge.reports import FORGET_S, KEEP_S, WorkerReport, from_object, to_json
from inference_bridge.results import Result
from inference_bridge.spec import ModelSpec

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

RESULT_PREFIX = "r:"
#: What follows the id: without it, keys of an older version hold a number, which is no set.
ATTEMPTS_PREFIX, ATTEMPTS_SUFFIX = "attempts:", ":runs"
CLAIM_PREFIX = "idem:"
REPLAYED_PREFIX = "revived:"
WORKERS_PREFIX = "workers:"
SOCKET_TIMEOUT_S = 2.0
MAX_CONNECTIONS = 16
#: A subscription that was silent for this long yields an empty notification: a chance to look again.
NOTIFICATION_TIMEOUT_S = 5.0

# KEYS: result keys. ARGV: TTL in ms, channel, then a body per key. Returns how many keys were new.
_PUT = """
local created, ids = 0, {}
for i, key in ipairs(KEYS) do
  if redis.call('SET', key, ARGV[i + 2], 'NX', 'PX', ARGV[1]) then created = created + 1 end
  ids[i] = string.sub(key, 3)
end
redis.call('PUBLISH', ARGV[2], table.concat(ids))
return created
"""

# KEYS: result, attempts and revived key of one id. ARGV: TTL in ms. Returns 0 when the id has succeeded.
_RESET = """
local body = redis.call('GET', KEYS[1])
if body and cjson.decode(body)['status'] == 'succeeded' then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
return 1
"""

# KEYS: a claim. ARGV: the value to replace, the new value, TTL in s. Returns the value that holds the key then.
_REPLACE_CLAIM = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return ARGV[2]
"""


# KEYS: the workers of a model. ARGV: worker, its pool, its report, after how many ms silent ones of the pool are
# forgotten, TTL in s.
_REPORT = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local held = cjson.decode(fields[i + 1])
  if held[2]['pool'] == ARGV[2] and now_ms - held[1] > tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], fields[i]) end
end
redis.call('HSET', KEYS[1], ARGV[1], '[' .. string.format('%.0f', now_ms) .. ',' .. ARGV[3] .. ']')
redis.call('EXPIRE', KEYS[1], ARGV[5])
"""


def connect_redis(url: str, *, ca_file: Path | None = None, retries: int = 1) -> Redis:
    """Return a client with bounded connections and waits; it connects on first use and again by itself.

    Args:
        url: `redis://`, `rediss://` for TLS, or `unix://`.
        ca_file: PEM file of the CA that signs Redis's certificate; without it, the system's CAs.
        retries: how often a call that got no answer is repeated without a word; 0 for who must know of it.
    """
    tls = {"ssl_ca_certs": ca_file and str(ca_file), "ssl_check_hostname": True} if url.startswith("rediss:") else {}
    pool = Connections.from_url(
        url,
        protocol=3,  # with which a subscribed connection answers other commands too
        max_connections=MAX_CONNECTIONS,
        timeout=SOCKET_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        health_check_interval=15,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries=retries),
        **tls,
    )
    return Redis.from_pool(pool)


class RedisStore:
    """Terminal results, solo attempts and idempotency claims in Redis; every error is `StoreUnavailable`.

    Args:
        redis: as `connect_redis` returns it; one server, or the address of whichever is the master, not Cluster (one
            script, many keys).
        spec: the model; notifications go to the channel `results:{name}`.
        result_ttl_s: how long a result is kept.
    """

    def __init__(self, redis: Redis, *, spec: ModelSpec, result_ttl_s: int) -> None:
        self._redis = redis
        self._channel = f"results:{spec.name}"
        self._workers_key = WORKERS_PREFIX + spec.name
        self._result_ttl_ms = result_ttl_s * 1000
        self._put = redis.register_script(_PUT)
        self._reset = redis.register_script(_RESET)
        self._replace_claim = redis.register_script(_REPLACE_CLAIM)
        self._report = redis.register_script(_REPORT)

    async def put(self, results: Sequence[Result]) -> int:
        """Store each result unless its id has one already, and notify; return how many were new."""
        keys = [RESULT_PREFIX + result.inference_id for result in results]
        arguments: list[int | str | bytes] = [self._result_ttl_ms, self._channel, *(result.body for result in results)]
        return int(await self._ask(self._put(keys=keys, args=arguments)))

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        """Return the stored bodies in the order of the ids, None where there is none."""
        keys = [RESULT_PREFIX + inference_id for inference_id in inference_ids]
        return cast("list[bytes | None]", await self._ask(self._redis.mget(keys)))

    async def count_attempt(self, inference_id: str, token: str) -> int:
        """Note that the solo run called `token` starts now; return how many are noted, this one included.

        A call that is repeated, by whomever, counts once: a set holds each token once.
        """
        key = _attempts_key(inference_id)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.sadd(key, token)
        pipeline.pexpire(key, self._result_ttl_ms)
        pipeline.scard(key)
        _, _, count = await self._ask(pipeline.execute())
        return int(count)

    async def uncount_attempt(self, inference_id: str, token: str) -> None:
        """Forget the solo run called `token`: it ended, or goes on, without the death of a worker to count."""
        await self._ask(self._redis.srem(_attempts_key(inference_id), token))

    async def attempts(self, inference_ids: Sequence[str]) -> list[int]:
        """Return how many solo runs are noted for each id, in the order of the ids."""
        pipeline = self._redis.pipeline(transaction=False)
        for inference_id in inference_ids:
            pipeline.scard(_attempts_key(inference_id))
        return [int(count) for count in await self._ask(pipeline.execute())]

    async def reset(self, inference_id: str, *, ttl_s: int) -> bool:
        """Forget a failed id's result and attempts for a second life; return False, changing nothing, if it succeeded.

        One atomic step; for `ttl_s` the id then reads as revived.
        """
        keys = [RESULT_PREFIX + inference_id, _attempts_key(inference_id), REPLAYED_PREFIX + inference_id]
        return bool(await self._ask(self._reset(keys=keys, args=[ttl_s * 1000])))

    async def is_replayed(self, inference_id: str) -> bool:
        """Tell whether the id was revived not longer ago than the `ttl_s` of that call."""
        return bool(await self._ask(self._redis.exists(REPLAYED_PREFIX + inference_id)))

    async def claim(self, name: str, value: bytes, *, ttl_s: int) -> bytes | None:
        """Reserve a key for `value`; return None when it was free, else the value that holds it."""
        held = await self._ask(self._redis.set(CLAIM_PREFIX + name, value, nx=True, get=True, ex=ttl_s))
        return cast("bytes | None", held)

    async def replace_claim(self, name: str, held: bytes, value: bytes, *, ttl_s: int) -> bytes:
        """Put `value` in the place of `held`, or of nothing; return the value that holds the key then.

        One atomic step: of two processes that give up the same claim, both end up with one.
        """
        call = self._replace_claim(keys=[CLAIM_PREFIX + name], args=[held, value, ttl_s])
        return cast("bytes", await self._ask(call))

    async def report(self, worker_id: str, report: WorkerReport) -> None:
        """Keep what a worker says of itself; forget silent ones of its pool, but never the last of a pool."""
        arguments: list[int | str] = [worker_id, report.pool, to_json(report), int(FORGET_S * 1000), KEEP_S]
        await self._ask(self._report(keys=[self._workers_key], args=arguments))

    async def reports(self) -> list[WorkerReport]:
        """Return what each worker said last, with its age; of a pool without workers, what the last ones said."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()  # Redis's own, since the clocks of the hosts differ
        pipeline.hvals(self._workers_key)
        (seconds, microseconds), held = await self._ask(pipeline.execute())
        now_s = seconds + microseconds / 1_000_000
        return [_report_of(entry, now_s) for entry in held]

    async def ping(self) -> None:
        """Return when Redis answers and may be written to."""
        hello = self._redis.execute_command("HELLO")  # type: ignore[no-untyped-call]  # redis-py has no types for it
        self._check_role(await self._ask(hello))

    async def notifications(self) -> AsyncGenerator[list[str], None]:
        """Yield the ids of each batch that was stored; an empty list means: look again, some may have been missed.

        Raises:
            StoreUnavailable: the subscription was lost; subscribe again.
        """
        async with self._redis.pubsub() as subscription:
            await self._ask(subscription.connect())
            self._check_role(await self._ask(_hello(subscription.connection)))
            await self._ask(subscription.subscribe(self._channel))
            while True:
                message = await self._ask(subscription.get_message(timeout=NOTIFICATION_TIMEOUT_S))
                if message is None:
                    # redis-py sends health checks on a subscription, but never misses their answers.
                    self._check_role(await self._ask(_hello(subscription.connection)))
                yield _ids(message)

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    def _check_role(self, hello: dict[bytes, Any]) -> None:
        if hello[b"role"] == b"replica":
            self._leave()
            raise StoreUnavailable("Redis is a replica, which stores nothing; try again later")

    async def _ask(self, call: Awaitable[Answer]) -> Answer:
        try:
            return await call
        except (RedisError, OSError, TimeoutError) as error:
            if _is_from_no_master(error):
                self._leave()
            reason = str(error) or type(error).__name__
            raise StoreUnavailable(f"Redis did not answer ({reason}); try again later") from error

    def _leave(self) -> None:
        # By now its address may stand for the new master.
        cast("Connections", self._redis.connection_pool).leave()


def _report_of(entry: bytes, now_s: float) -> WorkerReport:
    at_ms, report = json.loads(entry)
    return from_object(report, age_s=now_s - at_ms / 1000)


def _attempts_key(inference_id: str) -> str:
    return ATTEMPTS_PREFIX + inference_id + ATTEMPTS_SUFFIX


def _ids(message: dict[str, Any] | None) -> list[str]:
    if message is None or message["type"] != "message":
        return []  # silence, or redis-py subscribed again after a lost connection
    ids = message["data"].decode("ascii", "replace")
    return [ids[start : start + ID_LENGTH] for start in range(0, len(ids), ID_LENGTH)]


async def _hello(connection: AbstractConnection) -> dict[bytes, Any]:
    """Ask the server behind a connection how it is; a notification that comes meanwhile is dropped."""
    await connection.send_command("HELLO", check_health=False)
    # One by one: redis-py calls itself for each notification before an answer, and a thousand may have come meanwhile.
    while not isinstance(reply := await connection.read_response(push_request=True), dict):
        pass  # a notification, or the answer to a health check of redis-py
    return reply


def _is_from_no_master(error: Exception) -> bool:
    """Tell whether a server refuses because it is a replica, or a master that its replicas have left."""
    return isinstance(error, ReadOnlyError | MasterDownError) or "NOREPLICAS" in str(error)
