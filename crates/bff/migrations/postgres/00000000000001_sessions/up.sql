CREATE TABLE bff_sessions (
    key BYTEA PRIMARY KEY NOT NULL,
    sealed TEXT NOT NULL,
    version BIGINT NOT NULL,
    subject BYTEA NOT NULL,
    sid BYTEA,
    expires_at BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT
);
CREATE INDEX bff_sessions_subject ON bff_sessions (subject);
CREATE INDEX bff_sessions_sid ON bff_sessions (sid);
CREATE INDEX bff_sessions_expiry ON bff_sessions (expires_at);
CREATE TABLE bff_ended (
    name BYTEA PRIMARY KEY NOT NULL,
    ended_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);
CREATE INDEX bff_ended_until ON bff_ended (until_at);
CREATE TABLE bff_logout_tokens (
    jti BYTEA PRIMARY KEY NOT NULL,
    until_at BIGINT NOT NULL
);
CREATE INDEX bff_logout_tokens_until ON bff_logout_tokens (until_at);
