CREATE INDEX sessions_user ON sessions (user_id);
DROP INDEX sessions_list;
DROP INDEX sessions_list_user;
CREATE TABLE command_events (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    operation TEXT NOT NULL,
    target TEXT NOT NULL,
    caller TEXT NOT NULL
);
INSERT INTO command_events (id, at, operation, target, caller)
    SELECT printf('%015d-%d', at * 1000, id), at, event, coalesce(target_name, target, ''), coalesce(actor, '') FROM audit WHERE logged = 0;
DROP TABLE audit;
DROP TABLE jobs;
