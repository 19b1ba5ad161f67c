-- What was asked for and ignored, because the client cannot have it: ignored again when tokens are refreshed.
ALTER TABLE authorizations ADD COLUMN ignored_scope TEXT NOT NULL DEFAULT '';
-- The claims that were asked for one by one (OpenID Connect Core 5.5), as JSON.
ALTER TABLE authorizations ADD COLUMN asked_claims TEXT;
-- The names of the claims that were allowed one by one, as a JSON array.
ALTER TABLE consents ADD COLUMN claims TEXT NOT NULL DEFAULT '[]';
