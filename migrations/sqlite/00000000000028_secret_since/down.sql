ALTER TABLE clients DROP COLUMN secret_since;
