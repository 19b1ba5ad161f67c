DROP TRIGGER authorizations_deleted ON authorizations;
DROP TRIGGER authorizations_revoked ON authorizations;
DROP FUNCTION note_deleted_tokens();
DROP FUNCTION note_revoked_tokens();
ALTER TABLE authorizations DROP COLUMN token_entries_until;
ALTER TABLE authorizations DROP COLUMN token_entries;
DROP TABLE ended_tokens;
DROP TABLE status_lists;
