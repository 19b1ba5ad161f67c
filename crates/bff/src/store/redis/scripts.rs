//! The scripts, which Redis runs as a whole. Each that may run in a full Redis begins with a write that takes no memory:
//! Redis refuses the first write that does, and none after another one.

use redis::Script;

/// A session is a hash; its user and its session at the provider have a list each, a sorted set of the keys of their
/// sessions by when those were used last. A list lives as long as the longest of its sessions.
const LISTS: &str = "
local function enter(list, session, used, ends)
  redis.call('ZADD', list, used, session)
  local left = redis.call('TTL', list)
  if left < 0 or tonumber(redis.call('TIME')[1]) + left < tonumber(ends) then redis.call('EXPIREAT', list, ends) end
end
local function lists(session)
  local named = {}
  for _, list in ipairs(redis.call('HMGET', session, 'user', 'sid')) do
    if list and list ~= '' then table.insert(named, list) end
  end
  return named
end
local function finish(session)
  local known = lists(session)
  local ended = redis.call('DEL', session)
  for _, list in ipairs(known) do redis.call('ZREM', list, session) end
  return ended
end
local function used(session, at, ends)
  for _, list in ipairs(lists(session)) do enter(list, session, at, ends) end
end
";

/// Takes what has expired out of the lists; then, of the user's sessions, those beyond the most.
const BEGIN: &str = "
if KEYS[5] and redis.call('EXISTS', KEYS[5]) == 1 then return 0 end
local ended = redis.call('GET', KEYS[3])
if ended and tonumber(ARGV[3]) <= tonumber(ended) then return 0 end
for _, list in ipairs({KEYS[2], KEYS[4]}) do
  for _, session in ipairs(redis.call('ZRANGE', list, 0, -1)) do
    if redis.call('EXISTS', session) == 0 then redis.call('ZREM', list, session) end
  end
end
local others = redis.call('ZRANGE', KEYS[2], 0, -1)
for at = 1, #others - tonumber(ARGV[5]) + 1 do finish(others[at]) end
redis.call('HSET', KEYS[1], 'sealed', ARGV[1], 'version', 1, 'until', ARGV[2], 'user', KEYS[2], 'sid', KEYS[4] or '')
redis.call('EXPIREAT', KEYS[1], ARGV[2])
used(KEYS[1], ARGV[4], ARGV[2])
return 1";
const FIND: &str = "
local row = redis.call('HMGET', KEYS[1], 'sealed', 'version', 'until')
if not row[1] or tonumber(row[3]) <= tonumber(ARGV[1]) then return false end
return {row[1], tonumber(row[2]), tonumber(row[3])}";
const REPLACE: &str = "
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner', 'leased')
redis.call('HSET', KEYS[1], 'sealed', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'version', 1)
local ends = redis.call('HGET', KEYS[1], 'until')
if tonumber(ends) < tonumber(ARGV[3]) then
  ends = ARGV[3]
  redis.call('HSET', KEYS[1], 'until', ends)
  redis.call('EXPIREAT', KEYS[1], ends)
end
used(KEYS[1], ARGV[4], ends)
return 1";
const EXTEND: &str = "
local ends = redis.call('HGET', KEYS[1], 'until')
if not ends then return 0 end
if tonumber(ends) < tonumber(ARGV[1]) then ends = ARGV[1] end
redis.call('EXPIREAT', KEYS[1], ends)
redis.call('HSET', KEYS[1], 'until', ends)
used(KEYS[1], ARGV[2], ends)
return 0";
const LEASE: &str = "
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
local leased = redis.call('HGET', KEYS[1], 'leased')
if leased and tonumber(leased) > tonumber(ARGV[3]) then return 0 end
redis.call('HDEL', KEYS[1], 'owner', 'leased')
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'leased', ARGV[4])
return 1";
const RELEASE: &str = "
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('HDEL', KEYS[1], 'owner', 'leased') end
return 0";
const END: &str = "
local sealed = redis.call('HGET', KEYS[1], 'sealed')
finish(KEYS[1])
return sealed";
const END_VERSION: &str = "
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
return finish(KEYS[1])";
const END_NAMED: &str = "
if redis.call('EXISTS', KEYS[3]) == 1 then return -1 end
local ended = 0
for _, session in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do ended = ended + finish(session) end
redis.call('DEL', KEYS[1])
local known = redis.call('GET', KEYS[2])
if not known or tonumber(known) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[2], ARGV[1])
  redis.call('EXPIREAT', KEYS[2], ARGV[2])
end
redis.call('SET', KEYS[3], 1)
redis.call('EXPIREAT', KEYS[3], ARGV[3])
return ended";
const SPEND: &str = "
if redis.call('SETNX', KEYS[1], 1) == 0 then return 0 end
redis.call('EXPIREAT', KEYS[1], ARGV[1])
return 1";
const UNSPEND: &str = "
redis.call('DEL', KEYS[1])
return 0";
const IS_SPENT: &str = "return redis.call('EXISTS', KEYS[1])";
/// Fails in a full Redis.
const ROOM: &str = "
redis.call('SET', KEYS[1], 1, 'EX', 60)
return 1";

/// All of them, with their digests.
pub struct Scripts {
    pub begin: Script,
    pub find: Script,
    pub replace: Script,
    pub extend: Script,
    pub lease: Script,
    pub release: Script,
    pub end: Script,
    pub end_version: Script,
    pub end_named: Script,
    pub spend: Script,
    pub unspend: Script,
    pub is_spent: Script,
    pub room: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        let with_lists = |script: &str| Script::new(&format!("{LISTS}{script}"));
        Self {
            begin: with_lists(BEGIN),
            find: Script::new(FIND),
            replace: with_lists(REPLACE),
            extend: with_lists(EXTEND),
            lease: Script::new(LEASE),
            release: Script::new(RELEASE),
            end: with_lists(END),
            end_version: with_lists(END_VERSION),
            end_named: with_lists(END_NAMED),
            spend: Script::new(SPEND),
            unspend: Script::new(UNSPEND),
            is_spent: Script::new(IS_SPENT),
            room: Script::new(ROOM),
        }
    }
}
