-- Since when a client may do nothing; empty: it may.
ALTER TABLE clients ADD COLUMN disabled_at BIGINT;
-- The secret before the present one, and until when it is taken.
ALTER TABLE clients ADD COLUMN former_secret BYTEA;
ALTER TABLE clients ADD COLUMN former_secret_until BIGINT;
