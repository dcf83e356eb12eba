"""Scripts about whose store it is; `script` says when a writing script runs."""

from __future__ import annotations

from typing import Final

from arqonbus.storage.redis.script import COMMON, Script

WRITE: Final = "#!lua\n"
SHORTEN: Final = "#!lua flags=allow-oom\n"  # what frees memory is done when there is none

# Lua that every writing script begins with.
OWNED = (
    COMMON
    + """
local owner, index = KEYS[1], KEYS[2]
local token, holder, lease, turn = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function hold()
  redis.call('HSET', owner, 'token', token, 'holder', holder, 'turn', ARGV[4],
    'until', text(now() + lease))
end

-- Why this script may not run; nil when it may.
local function refused()
  local held = redis.call('HMGET', owner, 'token', 'turn')
  if held[1] and held[1] ~= token then return redis.error_reply('FENCED by another token') end
  if held[1] and tonumber(held[2]) >= turn then return redis.error_reply('STALE turn') end
  hold()
end
"""
)

# Reply: how many streams the index has.
RENEW = Script(
    WRITE
    + OWNED
    + """
local no = refused()
if no then return no end
return redis.call('SCARD', index)
"""
)

# Argument: the token of a bus that is known to be dead, or nothing. Reply: nothing when the store
# is this bus' own now, else who has it: token, holder, and the milliseconds that are left.
CLAIM = Script(
    WRITE
    + OWNED
    + """
local held = redis.call('HMGET', owner, 'token', 'holder', 'until')
if held[1] and held[1] ~= token and held[1] ~= ARGV[5] then
  local left = (tonumber(held[3] or 0) or 0) - now()
  if left > 0 then return {held[1], held[2] or '', held[3], text(left)} end
end
hold()
return {}
"""
)

# Arguments: the server's run and whether it keeps what it took, to be noted; nothing to only read.
# Reply: both as noted before.
NOTE = Script(
    WRITE
    + OWNED
    + """
local no = refused()
if no then return no end
local noted = redis.call('HMGET', owner, 'run', 'keeps')
if ARGV[5] then redis.call('HSET', owner, 'run', ARGV[5], 'keeps', ARGV[6]) end
return {noted[1] or '', noted[2] or ''}
"""
)

# The mark stays, with the token: whoever had it before this bus must not think it merely vanished.
RELEASE = Script(
    SHORTEN
    + OWNED
    + """
local no = refused()
if no then return no end
redis.call('HSET', owner, 'until', 0)
return redis.status_reply('OK')
"""
)
