ALTER TABLE bff_sessions ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
CREATE TABLE bff_sign_ins (
    state BLOB PRIMARY KEY NOT NULL,
    until_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX bff_sign_ins_until ON bff_sign_ins (until_at);
