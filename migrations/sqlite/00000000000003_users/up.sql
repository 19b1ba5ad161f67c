-- Compared by what changes a profile or a registration that was read before.
ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

-- The address in the form in which addresses are compared. Of users who share an address already, the first one keeps it
-- for signing in; the others keep what is shown of them.
ALTER TABLE users ADD COLUMN email_key TEXT;
UPDATE users SET email_key = lower(trim(email)) WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY lower(trim(email)) ORDER BY created_at, id) AS place
        FROM users WHERE trim(email) <> ''
    ) AS ranked WHERE place = 1
);
CREATE UNIQUE INDEX users_email_key ON users (email_key);

-- What commands did, until a server has written it to its log.
CREATE TABLE command_events (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    operation TEXT NOT NULL,
    target TEXT NOT NULL,
    caller TEXT NOT NULL
);
