DROP TABLE custom_claims;
ALTER TABLE users DROP COLUMN attributes;
