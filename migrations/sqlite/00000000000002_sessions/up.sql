-- Consent names who gave it; what was given without a name is asked for again.
ALTER TABLE interactions ADD COLUMN consented_by TEXT;
-- The browser's secret is renewed at sign-in and sign-out: the one before it, and since when.
ALTER TABLE interactions ADD COLUMN former_browser BLOB;
ALTER TABLE interactions ADD COLUMN renewed_at BIGINT;
CREATE INDEX interactions_browser ON interactions (browser);

-- `expires_at` moves with each use, `ends_at` never does.
ALTER TABLE sessions ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;
-- The sessions that it carries on.
ALTER TABLE sessions ADD COLUMN former TEXT NOT NULL DEFAULT '';
UPDATE sessions SET ends_at = expires_at, last_used_at = created_at;
