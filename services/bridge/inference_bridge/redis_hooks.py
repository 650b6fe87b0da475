"""Webhooks in Redis: `hook:{model}:{id}` holds one, `hooks:{model}:{endpoint}` the ids of the waiting ones by due time.

A webhook leaves the waiting ones only after its last try. A sender that dies loses its lease and nothing else.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from inference_bridge.hooks import KEEP_S, LEASE_S, MAX_BODY_BYTES, Backlog, Hook, HookState, Try
from inference_bridge.ids import ID_LENGTH

HOOK, WAITING = "hook", "hooks"

NOW = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
"""

#: A function of Lua for the script that stores results: makes the webhook of a stored result, once.
REGISTER = f"""
local function register(result, endpoint)
  local model, id = string.sub(result, 3, -{ID_LENGTH} - 2), string.sub(result, -{ID_LENGTH})
  local hook, waiting = 'hook:' .. model .. ':' .. id, 'hooks:' .. model .. ':' .. endpoint
  if redis.call('HSETNX', hook, 'endpoint', endpoint) == 0 then return end
  {NOW}
  local body = redis.call('MGET', result)[1]
  if #body > {MAX_BODY_BYTES} then
    body = '{{"inference_id":"' .. id .. '",' .. string.match(body, '"status":"%l+"')
      .. ',"href":"/models/' .. model .. '/result/' .. id .. '"}}'
  end
  redis.call('HSET', hook, 'id', string.format('msg_%s_%.0f', id, now_ms), 'body', body, 'attempts', 0)
  redis.call('ZADD', waiting, now_ms, id)
  redis.call('EXPIRE', hook, {KEEP_S})
  redis.call('EXPIRE', waiting, {KEEP_S})
end
"""

# KEYS: the waiting ones of an endpoint. ARGV: most ids, lease in ms. Returns the ids of due webhooks, now leased.
_CLAIM = f"""
{NOW}
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_ms, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], 'XX', now_ms + ARGV[2], id) end
return ids
"""

# KEYS: a webhook, the waiting ones of its endpoint. ARGV: message id, id of the job, status, error, ms until the next
# try or nothing, TTL in s. Another message id means a webhook of a replayed job, which has had no try yet.
_SETTLE = f"""
{NOW}
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'error', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[6])
if ARGV[5] == '' then
  redis.call('ZREM', KEYS[2], ARGV[2])
else
  redis.call('ZADD', KEYS[2], 'XX', now_ms + ARGV[5], ARGV[2])
  redis.call('EXPIRE', KEYS[2], ARGV[6])
end
"""


class RedisHooks:
    """The webhooks of one model; see `inference_bridge.contract.Hooks`.

    Args:
        redis: as for `RedisStore`.
        ask: awaits a call to Redis and raises `StoreUnavailable`.
        model: its name.
        result_ttl_s: seconds for which a delivered webhook is kept.
    """

    def __init__(
        self, redis: Redis, ask: Callable[[Awaitable[Any]], Awaitable[Any]], *, model: str, result_ttl_s: int
    ) -> None:
        self._redis = redis
        self._ask = ask
        self._model = model
        self._result_ttl_s = result_ttl_s
        self._claim = redis.register_script(_CLAIM)
        self._settle = redis.register_script(_SETTLE)

    async def claim(self, endpoint: str, count: int) -> list[Hook]:
        """Return at most `count` due webhooks of an endpoint; nobody else gets them for `LEASE_S`."""
        waiting = self._waiting(endpoint)
        ids = [one.decode() for one in await self._ask(self._claim(keys=[waiting], args=[count, LEASE_S * 1000]))]
        pipeline = self._redis.pipeline(transaction=False)
        for inference_id in ids:
            pipeline.hmget(self._hook(inference_id), ["id", "body", "attempts"])
        found = list(zip(ids, await self._ask(pipeline.execute()), strict=True))
        gone = [inference_id for inference_id, (message_id, _, _) in found if message_id is None]
        if gone:
            await self._ask(self._redis.zrem(waiting, *gone))
        return [
            Hook(inference_id, endpoint, message_id.decode(), body, int(attempts))
            for inference_id, (message_id, body, attempts) in found
            if message_id is not None
        ]

    async def settle(self, hook: Hook, tried: Try) -> None:
        """Note a try; the webhook waits for the next one, or no longer waits."""
        is_over = tried.retry_s is None
        retry_ms = "" if tried.retry_s is None else int(tried.retry_s * 1000)
        ttl_s = self._result_ttl_s if is_over and not tried.error else KEEP_S
        arguments: list[str | int] = [hook.message_id, hook.inference_id, tried.status, tried.error, retry_ms, ttl_s]
        keys = [self._hook(hook.inference_id), self._waiting(hook.endpoint)]
        await self._ask(self._settle(keys=keys, args=arguments))

    async def get(self, inference_id: str) -> HookState | None:
        """Return the state of a job's webhook; None if it has none."""
        fields = ["endpoint", "attempts", "status", "error"]
        endpoint, attempts, status, error = await self._ask(self._redis.hmget(self._hook(inference_id), fields))
        if endpoint is None:
            return None
        due_ms = await self._ask(self._redis.zscore(self._waiting(endpoint.decode()), inference_id))
        last = None if status is None else Try(int(status), error.decode())
        return HookState(endpoint.decode(), int(attempts), last, None if due_ms is None else int(due_ms))

    async def repeat(self, inference_id: str, endpoint: str) -> None:
        """Make a job's webhook due now, delivered or not."""
        seconds, microseconds = await self._ask(self._redis.time())
        now_ms = seconds * 1000 + microseconds // 1000
        await self._ask(self._redis.zadd(self._waiting(endpoint), {inference_id: now_ms}))

    async def backlog(self, endpoint: str) -> Backlog:
        """Return the waiting webhooks of an endpoint."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zcard(self._waiting(endpoint))
        pipeline.zrange(self._waiting(endpoint), 0, 0, withscores=True)
        pipeline.time()
        count, first, (seconds, _) = await self._ask(pipeline.execute())
        return Backlog(count, max(0.0, seconds - first[0][1] / 1000) if first else 0.0)

    def _hook(self, inference_id: str) -> str:
        return f"{HOOK}:{self._model}:{inference_id}"

    def _waiting(self, endpoint: str) -> str:
        return f"{WAITING}:{self._model}:{endpoint}"
