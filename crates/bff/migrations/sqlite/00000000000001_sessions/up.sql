CREATE TABLE bff_sessions (
    key BLOB PRIMARY KEY NOT NULL,
    sealed TEXT NOT NULL,
    version BIGINT NOT NULL,
    subject BLOB NOT NULL,
    sid BLOB,
    expires_at BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT
) WITHOUT ROWID;
CREATE INDEX bff_sessions_subject ON bff_sessions (subject);
CREATE INDEX bff_sessions_sid ON bff_sessions (sid);
CREATE INDEX bff_sessions_expiry ON bff_sessions (expires_at);
CREATE TABLE bff_ended (
    name BLOB PRIMARY KEY NOT NULL,
    ended_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX bff_ended_until ON bff_ended (until_at);
CREATE TABLE bff_logout_tokens (
    jti BLOB PRIMARY KEY NOT NULL,
    until_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX bff_logout_tokens_until ON bff_logout_tokens (until_at);
