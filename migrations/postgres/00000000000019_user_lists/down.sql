ALTER TABLE console_drafts DROP COLUMN expires_at;
DROP INDEX users_display_name;
DROP INDEX users_id_bytes;
DROP INDEX users_address_bytes;
DROP INDEX users_name_bytes;
DROP INDEX users_last_sign_in;
DROP INDEX users_created;
DROP INDEX users_administrators;
ALTER TABLE users DROP COLUMN last_sign_in_at;
