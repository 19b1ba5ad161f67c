-- Calls of the administration API that carried an Idempotency-Key, for a day: what was asked, and what was answered.
CREATE TABLE idempotent_calls (
    key BYTEA PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    request BYTEA NOT NULL,
    began_at BIGINT NOT NULL,
    answer TEXT
);
CREATE INDEX idempotent_calls_client ON idempotent_calls (client_id);
CREATE INDEX idempotent_calls_began ON idempotent_calls (began_at);
