"""Scripts that only look."""

from __future__ import annotations

from arqonbus.storage.redis.script import COMMON, Script

_READ = "#!lua flags=no-writes\n"

# Reply for each pair of keys: the stream when meta and entries agree, else 1, or 2 when a key is of
# another type.
LOOK = Script(
    _READ
    + COMMON
    + """
local out = {}
for k = 1, #KEYS, 2 do
  local stream = KEYS[k + 1]
  local m, count, sound = state(KEYS[k], stream)
  if sound and count > 0 then
    sound = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1] == id(m.first)
      and redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1][1] == id(m.last)
  end
  out[#out + 1] = sound and info(m) or (m == 'WRONGTYPE' and 2 or 1)
end
return out
"""
)

# Arguments: after, through, limit, bytes. Reply: nil for no stream, 1 for a lost one, else the
# stream, then position, time and body of each message.
READ = Script(
    _READ
    + COMMON
    + """
local m, count, sound = state(KEYS[1], KEYS[2])
if m == 'WRONGTYPE' then return redis.error_reply('WRONGTYPE ' .. KEYS[1]) end
if not m and count == 0 then return false end
if not sound then return 1 end
local from, through = math.max(tonumber(ARGV[1]) + 1, m.first), tonumber(ARGV[2])
local limit, bytes, size = tonumber(ARGV[3]), tonumber(ARGV[4]), 0
local out = info(m)
-- About as many at a time as fit.
local step = math.floor(bytes * count / math.max(m.total - m.base, 1))
step = math.max(1, math.min(step, 256))
while limit > 0 do
  local page = redis.call('XRANGE', KEYS[2], id(from), id(through), 'COUNT', math.min(step, limit))
  for _, entry in ipairs(page) do
    local body = entry[2][B]
    if size > 0 and size + #body > bytes then return out end
    out[#out + 1], out[#out + 2], out[#out + 3] = entry[1], entry[2][T], body
    size = size + #body
  end
  if #page < math.min(step, limit) then break end
  limit, from = limit - #page, from + #page
end
return out
"""
)

# Argument: a time. Reply: nil for no stream, -1 for a lost one, else the position before it.
POSITION = Script(
    _READ
    + COMMON
    + """
local m, count, sound = state(KEYS[1], KEYS[2])
if m == 'WRONGTYPE' then return redis.error_reply('WRONGTYPE ' .. KEYS[1]) end
if not m and count == 0 then return false end
if not sound then return -1 end
return search(KEYS[2], m.first, m.last, T, tonumber(ARGV[1])) - 1
"""
)

# Argument: how many. Reply: nil for no stream, 1 for a lost one, else position, publish id and body
# of each, newest first.
KEYED = Script(
    _READ
    + COMMON
    + """
local m, count, sound = state(KEYS[1], KEYS[2])
if m == 'WRONGTYPE' then return redis.error_reply('WRONGTYPE ' .. KEYS[1]) end
if not m and count == 0 then return false end
if not sound then return 1 end
local out, position = {}, m.keyed
while position >= m.first and #out < 3 * tonumber(ARGV[1]) do
  local entry = at(KEYS[2], position)
  out[#out + 1], out[#out + 2], out[#out + 3] = position, entry[K], entry[B]
  position = tonumber(entry[P])
end
return out
"""
)
