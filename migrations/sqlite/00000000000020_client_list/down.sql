DROP INDEX consents_client;
CREATE INDEX consents_client ON consents (client_id);
DROP INDEX clients_created;
DROP INDEX clients_name;
ALTER TABLE clients DROP COLUMN name_key;
