-- The algorithm that a key signs with (RFC 7518 3.1). Those that are there are RSA keys for RS256.
ALTER TABLE signing_keys ADD COLUMN algorithm TEXT NOT NULL DEFAULT 'RS256';
