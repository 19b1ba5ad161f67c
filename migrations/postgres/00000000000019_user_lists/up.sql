-- When somebody last signed in with the account; 0: never, as far as is known.
ALTER TABLE users ADD COLUMN last_sign_in_at BIGINT NOT NULL DEFAULT 0;
UPDATE users SET last_sign_in_at = greatest(
    coalesce((SELECT max(auth_time) FROM sessions WHERE sessions.user_id = users.id), 0),
    coalesce((SELECT max(at) FROM audit WHERE audit.actor = users.id AND audit.event = 'signed in'), 0)
);

-- The enabled users with a password and the role admin: as the statements say it that ask for them.
CREATE INDEX users_administrators ON users (id)
    WHERE disabled_at IS NULL AND password_hash IS NOT NULL AND replace(',' || substr(roles, 2), ',"admin"', '') <> ',' || substr(roles, 2);

-- For lists that are searched, sorted and read page by page: by bytes, whatever the collation of the database.
CREATE INDEX users_created ON users (created_at, id);
CREATE INDEX users_last_sign_in ON users (last_sign_in_at, id);
CREATE INDEX users_name_bytes ON users (username COLLATE "C");
CREATE INDEX users_address_bytes ON users (email_key COLLATE "C");
CREATE INDEX users_id_bytes ON users (id COLLATE "C");
CREATE INDEX users_display_name ON users (lower(name COLLATE "C"), id COLLATE "C");

-- What was typed before a sign-in ends by itself.
DELETE FROM console_drafts;
ALTER TABLE console_drafts ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
