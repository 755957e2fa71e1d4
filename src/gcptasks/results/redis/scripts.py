"""What Redis does in one step, in Lua. All times are Redis's own.

Keys begin with the store's prefix, which is ARGV[1]:

- `PREFIX:record:ID` is a hash with the values of a record. It expires with the record.
- `PREFIX:created`, and `PREFIX:created:ENDPOINT`, are sorted by their members, `TIME ID`: records in the order in which
  they were made.
- `PREFIX:expiring` has members `TIME ID ENDPOINT`, by the time at which they expire. Whatever adds a record drops what
  it can find there from the other two, a few at a time, so that they do not grow without end; and all of them expire
  when the last record does.

`PREFIX:changes` is the channel where changes are told: `ID VERSION`, or `ID -`.
"""

from hashlib import sha1

FEW = 4
"""How many expired records are dropped from the indexes when one is added."""

_FUNCTIONS = """
local prefix = ARGV[1]
local function stay(key, until_ms)
  local time = redis.call('TIME')
  local left = until_ms - time[1] * 1000
  if redis.call('PTTL', key) < left then redis.call('PEXPIRE', key, left) end
end
local function number(n) return string.format('%.0f', n) end
local function enter(created, id, endpoint, expires)
  local member = created .. ' ' .. id
  local until_ms = math.floor(expires / 1000)
  redis.call('ZADD', prefix .. ':created', 0, member)
  redis.call('ZADD', prefix .. ':created:' .. endpoint, 0, member)
  redis.call('ZADD', prefix .. ':expiring', until_ms, member .. ' ' .. endpoint)
  stay(prefix .. ':created', until_ms)
  stay(prefix .. ':created:' .. endpoint, until_ms)
  stay(prefix .. ':expiring', until_ms)
end
local function leave(created, id, endpoint)
  local member = created .. ' ' .. id
  redis.call('ZREM', prefix .. ':created', member)
  redis.call('ZREM', prefix .. ':created:' .. endpoint, member)
  redis.call('ZREM', prefix .. ':expiring', member .. ' ' .. endpoint)
end
"""


class Script:
    """A script, by its text and its digest."""

    def __init__(self, body: str) -> None:
        self.text = _FUNCTIONS + body
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


ADD = Script(
    """
local key, id, endpoint, keep = KEYS[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', key) == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local created, expires = number(now), now + keep
redis.call('HSET', key, 'created_at', created, 'expires_at', number(expires), 'version', created, unpack(ARGV, 5))
redis.call('PEXPIREAT', key, number(math.floor(expires / 1000)))
enter(created, id, endpoint, expires)
local gone = redis.call('ZRANGEBYSCORE', prefix .. ':expiring', '-inf', number(now / 1000), 'LIMIT', 0, FEW)
for _, member in ipairs(gone) do
  leave(string.match(member, '^(%d+) (%S+) (.*)$'))
end
return 1
""".replace("FEW", str(FEW))
)
"""Add a record: `ARGV` has the prefix, id, endpoint, how long it stays, then fields and values. 1 if it was added."""

CHANGE = Script("""
local key, id, endpoint, version, change = KEYS[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local created, expires, sets = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local is = redis.call('HMGET', key, 'version', 'change', 'created_at')
if is[1] ~= version then
  if is[2] == change then return 1 end
  return 0
end
redis.call('HSET', key, 'change', change, unpack(ARGV, 9, 8 + sets))
if #ARGV > 8 + sets then redis.call('HDEL', key, unpack(ARGV, 9 + sets)) end
redis.call('PEXPIREAT', key, number(math.floor(expires / 1000)))
if is[3] ~= created then leave(is[3], id, endpoint) end
enter(created, id, endpoint, expires)
redis.call('PUBLISH', prefix .. ':changes', id .. ' ' .. redis.call('HGET', key, 'version'))
return 1
""")
"""Change a record that still has that version: `ARGV` has the prefix, id, endpoint, version, a mark of this change, its
times, how many words of fields and values follow, these, and the fields that it has no more. 1 if it did; also if it
had done so before, and the answer was lost."""

HEAR = Script("""
local key, run, attempt = KEYS[1], ARGV[2], ARGV[3]
local is = redis.call('HMGET', key, 'status', 'run', 'attempt')
if is[1] ~= 'running' or is[2] ~= run or is[3] ~= attempt then return 0 end
local time = redis.call('TIME')
redis.call('HSET', key, 'heard_at', number(time[1] * 1000000 + time[2]))
return 1
""")
"""Note that an attempt still runs: `ARGV` has the prefix, its run and its number. The version stays: nobody waits for
that, and a change that is made meanwhile may well write over it."""

REMOVE = Script("""
local key, id = KEYS[1], ARGV[2]
local is = redis.call('HMGET', key, 'created_at', 'endpoint')
if not is[1] then return 0 end
redis.call('DEL', key)
leave(is[1], id, is[2])
redis.call('PUBLISH', prefix .. ':changes', id .. ' -')
return 1
""")
"""Remove a record: `ARGV` has the prefix and its id. 1 if it was there."""
