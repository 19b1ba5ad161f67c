-- The chain: each entry that has its place carries a hash over itself and the entry before, and a seal made with a key that
-- is not in the database. `user_id`: whom the entry concerns.
ALTER TABLE audit ADD COLUMN actor_name TEXT;
ALTER TABLE audit ADD COLUMN user_id TEXT;
ALTER TABLE audit ADD COLUMN hash BLOB;
ALTER TABLE audit ADD COLUMN seal BLOB;

-- What was removed from the chain, for its age or for the bound of the table: from which place to which, the hash of the
-- place `before` them, and the hash of the last, from which the chain goes on. `broken_at`: the first that did not fit the chain then.
CREATE TABLE audit_removed (
    first_position BIGINT PRIMARY KEY NOT NULL,
    last_position BIGINT NOT NULL UNIQUE,
    before BLOB NOT NULL,
    hash BLOB NOT NULL,
    broken_at BIGINT,
    seal BLOB NOT NULL
);

-- Entries from before the chain are sealed in the order in which they came.
UPDATE audit SET position = NULL, user_id = CASE
    WHEN target_kind IN ('user', 'consent') THEN target
    ELSE coalesce(CASE WHEN json_valid(details) THEN json_extract(details, '$.user') END, CASE WHEN actor_kind = 'user' THEN actor END)
END;

-- For lists, the newest first.
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_event ON audit (event, at, id);
CREATE INDEX audit_actor ON audit (actor, at, id) WHERE actor IS NOT NULL;
CREATE INDEX audit_target ON audit (target, at, id) WHERE target IS NOT NULL;
CREATE INDEX audit_user ON audit (user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_refused ON audit (at, id) WHERE outcome = 'refused';
