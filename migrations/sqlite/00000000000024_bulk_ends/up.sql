-- Ends of all sessions, or of all sessions of a client: everything that began up to `until_at` counts as ended from the moment
-- that the row is there, and a worker ends it piece by piece. `actor` and so on: who did it, for the entries of those sessions.
-- `cursor`: the last authorization that was looked at.
CREATE TABLE bulk_ends (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    client_id TEXT,
    until_at BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT,
    actor_name TEXT,
    front_end TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    ended BIGINT NOT NULL DEFAULT 0,
    cursor TEXT NOT NULL DEFAULT '',
    done_at BIGINT
);
CREATE INDEX bulk_ends_running ON bulk_ends (id) WHERE done_at IS NULL;

-- All of a client, piece by piece.
DROP INDEX authorizations_client;
CREATE INDEX authorizations_client ON authorizations (client_id, id);
