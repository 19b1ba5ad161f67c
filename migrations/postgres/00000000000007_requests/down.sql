ALTER TABLE consents DROP COLUMN claims;
ALTER TABLE authorizations DROP COLUMN asked_claims;
ALTER TABLE authorizations DROP COLUMN ignored_scope;
