"""Scripts that change streams; `script` says how those are kept and when the scripts run."""

from __future__ import annotations

from arqonbus.storage.redis.owning import OWNED, SHORTEN, WRITE
from arqonbus.storage.redis.script import Script

_CHANGE = (
    OWNED
    + """
local function save(meta, m)
  redis.call('HSET', meta, 'epoch', m.epoch, 'first', text(m.first), 'last', text(m.last),
    'base', text(m.base), 'total', text(m.total), 'time', m.time, 'keyed', text(m.keyed),
    'writer', token)
end

local function blank(epoch)
  return {epoch = epoch, first = 1, last = 0, base = 0, total = 0, time = '0', keyed = 0}
end

-- Make the next id that is free the one after `last`. XSETID does not go back behind an entry that
-- was deleted; but that entry can be forgotten on the way ahead, and then it does.
local function rewind(stream, last)
  local back = last > 0 and id(last) or '0-1'
  redis.call('XSETID', stream, '9007199254740992-0',
    'ENTRIESADDED', redis.call('XLEN', stream), 'MAXDELETEDID', back)
  redis.call('XSETID', stream, back)
end

-- Remove the old end. Counted, since XTRIM MINID stops at an entry that `cut` removed: the server
-- keeps its id, which is higher than those of the entries that took its place.
local function shed(stream, m, through)
  if through < m.last then m.base = tonumber(at(stream, through)[N]) else m.base = m.total end
  m.first = through + 1
  redis.call('XTRIM', stream, 'MAXLEN', text(m.last - through))
end

-- Remove the new end.
local function cut(stream, m, after)
  repeat
    local found = redis.call('XRANGE', stream, id(after + 1), '+', 'COUNT', 1000)
    for _, entry in ipairs(found) do redis.call('XDEL', stream, entry[1]) end
  until #found < 1000
  m.first = math.min(m.first, after + 1)
  if redis.call('EXISTS', stream) == 1 then rewind(stream, after) end
  if after >= m.first then
    local entry = at(stream, after)
    m.total, m.time = tonumber(entry[N]), entry[T]
    m.keyed = entry[K] and after or tonumber(entry[P])
  else
    m.total, m.keyed = m.base, 0
  end
  m.last = after
end
"""
)

# Arguments: the bounds of messages and bytes, then for each pair of keys: name, epoch, after, time,
# whether the bounds hold for it, how many bodies and how many publish ids, the bodies, and for
# each publish id the number of its body and itself. Reply, each: 0 stored, 1 lost, 2 another type.
APPEND = Script(
    WRITE
    + _CHANGE
    + """
local most, bytes = tonumber(ARGV[5]), tonumber(ARGV[6])

local function retain(stream, m)
  local from = m.first
  if m.last - m.first + 1 > most + math.floor(most / 64) then from = m.last - most + 1 end
  if m.total - m.base > bytes then
    from = math.max(from, search(stream, m.first, m.last, N, m.total - bytes) + 1)
  end
  if from > m.first then shed(stream, m, from - 1) end
end

local function store(meta, stream, name, epoch, after, time, bounded, first, count, keys)
  local m, held, sound = state(meta, stream)
  if m == 'WRONGTYPE' then return 2 end
  if not m then
    if after > 0 or held > 0 then return 1 end
    m = blank(epoch)
    redis.call('DEL', stream)  -- even an empty one remembers the newest id that it had
    redis.call('SADD', index, name)
    save(meta, m)
  elseif m.epoch ~= epoch or m.last < after or not sound then
    return 1
  elseif m.last > after then
    if m.writer ~= token then return 1 end
    cut(stream, m, after)
    save(meta, m)
  end
  local total, keyed, add, format = m.total, m.keyed, redis.pcall, string.format
  for i = 1, count do
    local body, key, added = ARGV[first + i - 1], keys[i], nil
    local entry, before = format('%.0f-0', after + i), format('%.0f', keyed)
    total = total + #body
    if key then
      added = add('XADD', stream, entry, 't', time, 'n', format('%.0f', total), 'p', before,
        'b', body, 'k', key)
      keyed = after + i
    else
      added = add('XADD', stream, entry, 't', time, 'n', format('%.0f', total), 'p', before,
        'b', body)
    end
    if added.err then
      -- Somebody else gave the stream a higher id: then the first one fails, and nothing is stored.
      if i == 1 then return 1 end
      error(added)
    end
  end
  m.last, m.total, m.keyed, m.time = after + count, total, keyed, time
  if bounded then retain(stream, m) end
  save(meta, m)
  return 0
end

local no = refused()
if no then return no end
local out, i = {}, 7
for k = 3, #KEYS, 2 do
  local first, count, keys = i + 7, tonumber(ARGV[i + 5]), {}
  local pairs_at = first + count
  local after_all = pairs_at + 2 * tonumber(ARGV[i + 6])
  for p = pairs_at, after_all - 1, 2 do keys[tonumber(ARGV[p])] = ARGV[p + 1] end
  out[#out + 1] = store(KEYS[k], KEYS[k + 1], ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]),
    ARGV[i + 3], ARGV[i + 4] == '1', first, count, keys)
  i = after_all
end
return out
"""
)

# Arguments: for each pair of keys the position that becomes the newest.
UNDO = Script(
    SHORTEN
    + _CHANGE
    + """
local no = refused()
if no then return no end
for k = 3, #KEYS, 2 do
  local m, _, sound = state(KEYS[k], KEYS[k + 1])
  local after = tonumber(ARGV[5 + (k - 3) / 2])
  if sound and m.writer == token and m.last > after then
    cut(KEYS[k + 1], m, after)
    save(KEYS[k], m)
  end
end
return redis.status_reply('OK')
"""
)

# Arguments: name, epoch, mode, and for `check` the epoch and the position that are expected.
# `create`: go on with a sound stream as it is. `restart`: under the new epoch. `whole`: the same,
# but not with holes. `check`: only if it is not what is expected. Reply: the stream and how many
# messages had to go because of holes; nil when nothing was done.
SETTLE = Script(
    WRITE
    + _CHANGE
    + """
local meta, stream, name, epoch, mode = KEYS[3], KEYS[4], ARGV[5], ARGV[6], ARGV[7]

-- The newest run of entries without a hole, whatever the meta says.
local function found(count)
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  local m = blank(epoch)
  m.last = tonumber(string.match(newest[1], '^(%d+)%-0$'))
  local expected, oldest, from = m.last, newest, '+'
  while expected do
    local page = redis.call('XREVRANGE', stream, from, '-', 'COUNT', 500)
    for _, entry in ipairs(page) do
      local f = entry[2]
      if entry[1] ~= id(expected) or f[1] ~= 't' or f[3] ~= 'n' or f[5] ~= 'p' or f[7] ~= 'b' then
        page = {}
        break
      end
      expected, oldest = expected - 1, entry
    end
    if #page < 500 then break end
    from = '(' .. page[500][1]
  end
  if not m.last or expected == m.last then
    error({err = 'FOREIGN ' .. stream .. ' ends with an entry that no bus wrote'})
  end
  m.first = expected + 1
  local new, old = newest[2], oldest[2]
  m.total, m.base, m.time = tonumber(new[N]), tonumber(old[N]) - #old[B], new[T]
  m.keyed = new[K] and m.last or tonumber(new[P])
  return m, count - (m.last - m.first + 1)
end

local no = refused()
if no then return no end
local m, count, sound = state(meta, stream)
if m == 'WRONGTYPE' then return redis.error_reply('WRONGTYPE ' .. meta .. ' or ' .. stream) end
local gone = 0
if sound and (mode == 'create' or mode == 'check' and m.epoch == ARGV[8]
    and m.last >= tonumber(ARGV[9])) then
  if mode == 'check' then return false end
elseif sound then
  m.epoch = epoch
elseif count == 0 then
  m = blank(epoch)
  redis.call('DEL', stream)
else
  m, gone = found(count)
  if gone > 0 and mode == 'whole' then
    return redis.error_reply('HOLE ' .. stream .. ' has ' .. gone .. ' messages before a hole')
  end
  redis.call('XTRIM', stream, 'MAXLEN', text(m.last - m.first + 1))
  rewind(stream, m.last)
end
save(meta, m)
redis.call('SADD', index, name)
local reply = info(m)
reply[6] = gone
return reply
"""
)

# Argument: the newest position to remove.
DROP = Script(
    SHORTEN
    + _CHANGE
    + """
local no = refused()
if no then return no end
local m, _, sound = state(KEYS[3], KEYS[4])
if not sound then return redis.status_reply('OK') end
local through = math.min(tonumber(ARGV[5]), m.last)
if through >= m.first then
  shed(KEYS[4], m, through)
  save(KEYS[3], m)
end
return redis.status_reply('OK')
"""
)

# Argument: the oldest commit time to keep. Reply: how many messages went.
AGE = Script(
    SHORTEN
    + _CHANGE
    + """
local no = refused()
if no then return no end
local gone = 0
for k = 3, #KEYS, 2 do
  local m, count, sound = state(KEYS[k], KEYS[k + 1])
  if sound and count > 0 then
    local from = search(KEYS[k + 1], m.first, m.last, T, tonumber(ARGV[5]))
    if from > m.first then
      gone = gone + from - m.first
      shed(KEYS[k + 1], m, from - 1)
      save(KEYS[k], m)
    end
  end
end
return gone
"""
)

# Argument: name. Reply: whether there was anything.
DELETE = Script(
    SHORTEN
    + _CHANGE
    + """
local no = refused()
if no then return no end
redis.call('SREM', index, ARGV[5])
return redis.call('UNLINK', KEYS[3], KEYS[4])
"""
)
