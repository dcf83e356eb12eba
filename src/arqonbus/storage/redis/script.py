"""What the server does by itself: a script sees and changes a store as a whole, or not at all.

A stream is kept in two keys: `meta`, a hash of what is known of it, and a stream of the server's
own with one entry for each message, id ``<position>-0`` and the fields

    t  commit time (µs)       n  bytes of all bodies ever up to here
    p  the newest position before this one that has a publish id, 0 for none
    b  body                   k  publish id, if any

Sums instead of sizes: what any range holds is then one subtraction, without reading it.

A writing script has the keys `owner` and `index` first, then pairs of meta and stream; its first
arguments are token, holder, lease (ms) and turn. It runs only while `owner` holds the token, or
nobody's, and only once a turn: what was sent over a connection that was given up may arrive late,
and must not undo what came after it.

The first line makes the server refuse the whole script where it would refuse one of its writes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name under which the server remembers it."""

    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        # The server's own name for it; nothing is protected by it.
        digest = hashlib.sha1(self.source.encode(), usedforsecurity=False)
        object.__setattr__(self, "sha", digest.hexdigest())


# Lua that reading and writing scripts begin with.
COMMON = """
local FIELDS = {'epoch', 'first', 'last', 'base', 'total', 'time', 'keyed', 'writer'}
local T, N, P, B, K = 2, 4, 6, 8, 10

local function text(number) return string.format('%.0f', number) end
local function id(position) return text(position) .. '-0' end

-- The meta or nil, how many entries there are, and whether both agree; a string when a key is of
-- another type.
local function state(meta, stream)
  local v, count = redis.pcall('HMGET', meta, unpack(FIELDS)), redis.pcall('XLEN', stream)
  if v.err or type(count) == 'table' then return 'WRONGTYPE' end
  local m = {epoch = v[1], time = v[6], writer = v[8]}
  for i, name in ipairs(FIELDS) do
    if not v[i] then return nil, count, false end
    m[name] = m[name] or tonumber(v[i])
    if not m[name] then return nil, count, false end
  end
  return m, count, count == m.last - m.first + 1
end

local function at(stream, position)
  local found = redis.call('XRANGE', stream, id(position), id(position))
  if not found[1] then error({err = 'HOLE position ' .. text(position) .. ' is missing'}) end
  return found[1][2]
end

-- The first position of low..high whose field is at least so much, or high + 1: in growing steps
-- from the old end, where it mostly is, then by halves.
local function search(stream, low, high, name, least)
  local step, bound = 1, high + 1
  while low < bound do
    local middle = math.floor((low + bound) / 2)
    if step > 0 then middle = math.min(low + step - 1, bound - 1) end
    if tonumber(at(stream, middle)[name]) < least then
      low, step = middle + 1, step * 2
    else
      bound, step = middle, 0
    end
  end
  return low
end

local function info(m)
  return {m.epoch, text(m.first), text(m.last), text(m.total - m.base), m.time}
end
"""
