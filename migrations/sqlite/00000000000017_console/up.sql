-- The console's own client. What it may do stands in the program; the row is there for what refers to it, and nobody can
-- authenticate as it.
INSERT INTO clients (id, secret, metadata, created_at, version)
    VALUES ('latchkey-console', NULL, '{"redirect_uris":[],"grant_types":[],"token_endpoint_auth_method":"client_secret_basic"}', 0, 0)
    ON CONFLICT (id) DO UPDATE SET secret = NULL, sealed_secret = NULL, metadata = excluded.metadata, version = clients.version + 1;

-- The link with which the first administrator is created: one row at most.
CREATE TABLE setup_link (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    digest BLOB NOT NULL,
    expires_at BIGINT NOT NULL
);

-- What was typed into a form of the console by a user who has to sign in again before it counts: one for each session.
CREATE TABLE console_drafts (
    session_id TEXT PRIMARY KEY NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    page TEXT NOT NULL,
    form TEXT NOT NULL
);
