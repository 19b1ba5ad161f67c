UPDATE sessions SET expires_at = ends_at;
ALTER TABLE sessions DROP COLUMN former;
ALTER TABLE sessions DROP COLUMN last_used_at;
ALTER TABLE sessions DROP COLUMN ends_at;
DROP INDEX interactions_browser;
ALTER TABLE interactions DROP COLUMN renewed_at;
ALTER TABLE interactions DROP COLUMN former_browser;
ALTER TABLE interactions DROP COLUMN consented_by;
