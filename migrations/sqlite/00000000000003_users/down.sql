DROP TABLE command_events;
DROP INDEX users_email_key;
ALTER TABLE users DROP COLUMN email_key;
ALTER TABLE users DROP COLUMN version;
ALTER TABLE clients DROP COLUMN version;
