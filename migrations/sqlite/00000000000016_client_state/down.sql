ALTER TABLE clients DROP COLUMN former_secret_until;
ALTER TABLE clients DROP COLUMN former_secret;
ALTER TABLE clients DROP COLUMN disabled_at;
