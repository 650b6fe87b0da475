"""Results in Redis: the first writer wins; each batch is one call and one notification."""

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError, ResponseError

from inference_bridge.errors import StoreUnavailable
from inference_bridge.ids import ID_LENGTH
from inference_bridge.redis_connections import Connections
from inference_bridge.redis_hooks import HOOK, RedisHooks
from inference_bridge.redis_scripts import PUT, REPLACE_CLAIM, REPORT, RESET
from inference_bridge.reports import FORGET_S, KEEP_S, WorkerReport, from_object, to_json
from inference_bridge.results import Result
from inference_bridge.spec import ModelSpec

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# Each key is `kind:model:rest`, so that the rules of Redis users can name one model's keys (docs/security.md).
RESULT, OUTPUT, ATTEMPTS, CLAIM, REPLAYED, WORKERS = "r", "o", "attempts", "idem", "revived", "workers"
#: After this silence a subscription yields an empty list: results may have been missed.
NOTIFICATION_TIMEOUT_S = 5.0


class RedisStore:
    """Keeps results, solo attempts, idempotency claims and worker reports in Redis; raises only `StoreUnavailable`.

    Args:
        redis: from `connect_redis`; a single server or the address of the current master, not Redis Cluster: a script
            uses many keys.
        spec: the model; its name is part of each key, and notifications go to the channel `results:{name}`.
        result_ttl_s: seconds for which a result is kept.
    """

    def __init__(self, redis: Redis, *, spec: ModelSpec, result_ttl_s: int) -> None:
        self._redis = redis
        self._model = spec.name
        self._channel = f"results:{spec.name}"
        self._workers_key = f"{WORKERS}:{spec.queue_prefix}"
        self._result_ttl_ms = result_ttl_s * 1000
        self._put = redis.register_script(PUT)
        self._reset = redis.register_script(RESET)
        self._replace_claim = redis.register_script(REPLACE_CLAIM)
        self._report = redis.register_script(REPORT)
        self.hooks = RedisHooks(redis, self._ask, model=spec.name, result_ttl_s=result_ttl_s)

    async def put(self, results: Sequence[Result]) -> int:
        """Store each result unless its id has one already, and notify; return how many were new."""
        keys = [self._key(RESULT, result.inference_id) for result in results]
        values = [result.body for result in results]
        for result in results:
            if result.output is not None:
                keys.append(self._key(OUTPUT, result.inference_id))
                values.append(result.output)
        for number, result in enumerate(results, 1):
            values += [str(number).encode(), result.webhook.encode()] if result.webhook else []
        arguments: list[int | str | bytes] = [self._result_ttl_ms, self._channel, len(results), *values]
        return int(await self._ask(self._put(keys=keys, args=arguments)))

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        """Return the stored bodies in the order of the ids, None where there is none."""
        keys = [self._key(RESULT, inference_id) for inference_id in inference_ids]
        return cast("list[bytes | None]", await self._ask(self._redis.mget(keys)))

    async def get_output(self, inference_id: str) -> bytes | None:
        """Return the file that the model made for this id, or None."""
        return cast("bytes | None", await self._ask(self._redis.get(self._key(OUTPUT, inference_id))))

    async def count_attempt(self, inference_id: str, token: str) -> int:
        """Count a solo run that starts now; return how many are counted for this id.

        `token` names the run: a repeated call counts once, because a set holds each token once.
        """
        key = self._key(ATTEMPTS, inference_id)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.sadd(key, token)
        pipeline.pexpire(key, self._result_ttl_ms)
        pipeline.scard(key)
        _, _, count = await self._ask(pipeline.execute())
        return int(count)

    async def uncount_attempt(self, inference_id: str, token: str) -> None:
        """Stop counting the solo run called `token`, because the worker did not die of it."""
        await self._ask(self._redis.srem(self._key(ATTEMPTS, inference_id), token))

    async def attempts(self, inference_ids: Sequence[str]) -> list[int]:
        """Return how many solo runs are counted for each id, in the order of the ids."""
        pipeline = self._redis.pipeline(transaction=False)
        for inference_id in inference_ids:
            pipeline.scard(self._key(ATTEMPTS, inference_id))
        return [int(count) for count in await self._ask(pipeline.execute())]

    async def reset(self, inference_id: str, *, ttl_s: int) -> bool:
        """Reset a failed job for a replay; return False and change nothing if it has succeeded.

        The result and the attempts are deleted in one atomic step; for `ttl_s` the id then reads as replayed.
        """
        keys = [self._key(kind, inference_id) for kind in (REPLAYED, RESULT, ATTEMPTS, OUTPUT, HOOK)]
        return bool(await self._ask(self._reset(keys=keys, args=[ttl_s * 1000])))

    async def is_replayed(self, inference_id: str) -> bool:
        """Tell whether the job was reset within the last `ttl_s` seconds, as given to `reset`."""
        return bool(await self._ask(self._redis.exists(self._key(REPLAYED, inference_id))))

    async def claim(self, name: str, value: bytes, *, ttl_s: int) -> bytes | None:
        """Store `value` under a free name and return None; return the value of a name in use."""
        held = await self._ask(self._redis.set(self._key(CLAIM, name), value, nx=True, get=True, ex=ttl_s))
        return cast("bytes | None", held)

    async def is_claimed(self, name: str) -> bool:
        """Tell whether a name of a claim is in use."""
        return bool(await self._ask(self._redis.exists(self._key(CLAIM, name))))

    async def replace_claim(self, name: str, held: bytes, value: bytes, *, ttl_s: int) -> bytes:
        """Replace `held`, or nothing, with `value`; return the value that the name has afterwards.

        The step is atomic: two processes that replace the same claim end with the same value.
        """
        call = self._replace_claim(keys=[self._key(CLAIM, name)], args=[held, value, ttl_s])
        return cast("bytes", await self._ask(call))

    async def report(self, worker_id: str, report: WorkerReport) -> None:
        """Store a worker's report; delete old reports of its pool, but keep the last one of a pool."""
        arguments: list[int | str] = [worker_id, report.pool, to_json(report), int(FORGET_S * 1000), KEEP_S]
        await self._ask(self._report(keys=[self._workers_key], args=arguments))

    async def reports(self) -> list[WorkerReport]:
        """Return the latest report of each worker, with its age; of a pool without workers, the last reports."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()  # of Redis, because the clocks of the hosts differ
        pipeline.hvals(self._workers_key)
        (seconds, microseconds), held = await self._ask(pipeline.execute())
        now_s = seconds + microseconds / 1_000_000
        return [_report_of(entry, now_s) for entry in held]

    async def ping(self) -> None:
        """Return when Redis reads and is a master; it may still refuse writes, being full for example."""
        hello = self._redis.execute_command("HELLO")  # type: ignore[no-untyped-call]  # redis-py has no types for it
        self._check_role(await self._ask(hello))
        await self.get([""])  # a Redis that loads its file answers HELLO

    async def notifications(self) -> AsyncGenerator[list[str], None]:
        """Yield the ids of each stored batch; an empty list means that some may have been missed.

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
                    # redis-py sends health checks on a subscription, but does not notice missing answers.
                    self._check_role(await self._ask(_hello(subscription.connection)))
                yield _ids(message)

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    def _key(self, kind: str, rest: str) -> str:
        return f"{kind}:{self._model}:{rest}"

    def _check_role(self, hello: dict[bytes, Any]) -> None:
        if hello[b"role"] == b"replica":
            self._renew_connections()
            raise StoreUnavailable("Redis is a replica and accepts no writes; try again later")

    async def _ask(self, call: Awaitable[Answer]) -> Answer:
        try:
            return await call
        except (RedisError, OSError, TimeoutError) as error:
            if _is_from_no_master(error):
                self._renew_connections()
            raise StoreUnavailable(f"Redis {_reason(error)}; try again later") from error

    def _renew_connections(self) -> None:
        # The address may lead to a new master by now.
        cast("Connections", self._redis.connection_pool).renew()


def _reason(error: Exception) -> str:
    if isinstance(error, ResponseError):
        return f"refused a call ({str(error).partition('. ')[0]})"  # the rest names lines of a script
    return f"did not answer ({str(error) or type(error).__name__})"


def _report_of(entry: bytes, now_s: float) -> WorkerReport:
    at_ms, report = json.loads(entry)
    return from_object(report, age_s=now_s - at_ms / 1000)


def _ids(message: dict[str, Any] | None) -> list[str]:
    if message is None or message["type"] != "message":
        return []  # silence, or a new subscription after a lost connection
    ids = message["data"].decode("ascii", "replace")
    return [ids[start : start + ID_LENGTH] for start in range(0, len(ids), ID_LENGTH)]


async def _hello(connection: AbstractConnection) -> dict[bytes, Any]:
    """Return the server's answer to HELLO; drop notifications that arrive before it."""
    await connection.send_command("HELLO", check_health=False)
    # In a loop: redis-py itself would recurse for each notification before the answer, and there may be a thousand.
    while not isinstance(reply := await connection.read_response(push_request=True), dict):
        pass  # a notification, or the answer to a health check
    return reply


def _is_from_no_master(error: Exception) -> bool:
    """Tell whether a server refuses because it is a replica, or a master without its replicas."""
    return isinstance(error, ReadOnlyError | MasterDownError) or "NOREPLICAS" in str(error)
