-- What is to be done later, written in the transaction of its cause. `run_at`: when it can be taken; while somebody works
-- on it, when their lease ends.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind TEXT NOT NULL,
    unique_key TEXT,
    payload TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    last_error TEXT,
    dead_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, unique_key)
);
CREATE INDEX jobs_due ON jobs (kind, run_at, id) WHERE dead_at IS NULL;
CREATE INDEX jobs_dead ON jobs (dead_at) WHERE dead_at IS NOT NULL;

-- Who did what to whom, written in the transaction of what it records. Writers do not wait for one another: `id` is the
-- order in which they came, `position` the order for a chain of hashes, given afterwards by one worker without gaps.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT,
    front_end TEXT NOT NULL,
    target_kind TEXT,
    target TEXT,
    target_name TEXT,
    outcome TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    details TEXT NOT NULL,
    -- What strangers can cause is counted in one entry until `closes_at`.
    count BIGINT NOT NULL DEFAULT 1,
    fold TEXT UNIQUE,
    closes_at BIGINT,
    -- Whether its line stands in the log of a server.
    logged BIGINT NOT NULL,
    position BIGINT UNIQUE
);
CREATE INDEX audit_new ON audit (id) WHERE position IS NULL;
CREATE INDEX audit_closes ON audit (closes_at) WHERE closes_at IS NOT NULL;

-- What commands did, and no server has logged yet.
INSERT INTO audit (at, event, actor_kind, actor, front_end, target_kind, target_name, outcome, details, logged)
    SELECT at, operation, 'command', caller, 'command', substr(operation, 1, instr(operation, ' ') - 1), target, 'done', '{}', 0 FROM command_events ORDER BY id;
DROP TABLE command_events;

-- For lists that are read page by page.
CREATE INDEX sessions_list ON sessions (created_at, id);
CREATE INDEX sessions_list_user ON sessions (user_id, created_at, id);
DROP INDEX sessions_user;
