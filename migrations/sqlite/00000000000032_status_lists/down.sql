DROP TRIGGER authorizations_deleted;
DROP TRIGGER authorizations_revoked;
ALTER TABLE authorizations DROP COLUMN token_entries_until;
ALTER TABLE authorizations DROP COLUMN token_entries;
DROP TABLE ended_tokens;
DROP TABLE status_lists;
