"""The scripts of the store: each changes several keys of Redis in one step."""

from inference_bridge.ids import ID_LENGTH
from inference_bridge.redis_hooks import NOW, REGISTER

# KEYS: results, then outputs. ARGV: TTL in ms, channel, number of results, then a value per key, then the number of
# each result with a webhook and its endpoint. Returns how many results were new. An output is written together with its
# result, so the first writer of one is that of both.
PUT = f"""
{REGISTER}
local created, ids = 0, {{}}
for i, key in ipairs(KEYS) do
  local is_new = redis.call('SET', key, ARGV[i + 3], 'NX', 'PX', ARGV[1])
  if i <= tonumber(ARGV[3]) then
    if is_new then created = created + 1 end
    ids[i] = string.sub(key, -{ID_LENGTH})
  end
end
for i = #KEYS + 4, #ARGV, 2 do register(KEYS[tonumber(ARGV[i])], ARGV[i + 1]) end
redis.call('PUBLISH', ARGV[2], table.concat(ids))
return created
"""

# KEYS: replayed, result and attempts key, output and webhook of one id. ARGV: TTL in ms. Returns 0 when the id has
# succeeded.
RESET = """
local body = redis.call('GET', KEYS[2])
if body and cjson.decode(body)['status'] == 'succeeded' then return 0 end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1
"""

# KEYS: a claim. ARGV: the value to replace, the new value, TTL in s. Returns the value of the claim afterwards.
REPLACE_CLAIM = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return ARGV[2]
"""

# KEYS: the workers of a model. ARGV: worker, its pool, its report, the age in ms from which other reports of the pool
# are deleted, TTL in s.
REPORT = f"""
{NOW}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local held = cjson.decode(fields[i + 1])
  if held[2]['pool'] == ARGV[2] and now_ms - held[1] > tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], fields[i]) end
end
redis.call('HSET', KEYS[1], ARGV[1], '[' .. string.format('%.0f', now_ms) .. ',' .. ARGV[3] .. ']')
redis.call('EXPIRE', KEYS[1], ARGV[5])
"""
