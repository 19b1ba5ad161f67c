-- The secret of a client whose ID tokens are signed with it (HS256), sealed under the master key. The digest beside it is
-- what the client authenticates against.
ALTER TABLE clients ADD COLUMN sealed_secret TEXT;
