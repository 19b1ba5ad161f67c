CREATE TABLE clients (
    id TEXT PRIMARY KEY NOT NULL,
    secret BLOB,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    username TEXT NOT NULL UNIQUE,
    email TEXT,
    name TEXT,
    password_hash TEXT,
    roles TEXT NOT NULL,
    groups TEXT NOT NULL,
    claims TEXT NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    remember BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE interactions (
    digest BLOB PRIMARY KEY NOT NULL,
    browser BLOB NOT NULL,
    request TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    login_session TEXT,
    selected_session TEXT,
    consented TEXT,
    declined BIGINT NOT NULL
);
CREATE INDEX interactions_expiry ON interactions (expires_at);

CREATE TABLE consents (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_client ON consents (client_id);

CREATE TABLE authorizations (
    id TEXT PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    offline BIGINT NOT NULL,
    nonce TEXT,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    redirect_uri_sent BIGINT NOT NULL,
    code_challenge TEXT,
    code BLOB NOT NULL UNIQUE,
    code_expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    exchanged_at BIGINT,
    refresh_current BLOB,
    refresh_issued_at BIGINT,
    refresh_idle_expires_at BIGINT,
    refresh_kid TEXT,
    refresh_parent BLOB,
    refresh_expires_at BIGINT,
    revoked_at BIGINT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX authorizations_client ON authorizations (client_id);
CREATE INDEX authorizations_user ON authorizations (user_id);
CREATE INDEX authorizations_session ON authorizations (session_id);
CREATE INDEX authorizations_expiry ON authorizations (expires_at);

CREATE TABLE revoked_access_tokens (
    jti TEXT PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX revoked_access_tokens_expiry ON revoked_access_tokens (expires_at);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    activates_at BIGINT NOT NULL,
    retires_at BIGINT
);

CREATE TABLE refusals (
    reference TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    client_id TEXT,
    request_id TEXT NOT NULL,
    expected TEXT NOT NULL,
    came TEXT NOT NULL
);
CREATE INDEX refusals_at ON refusals (at);
