-- For the list of clients: the name in the form in which names are searched and sorted, by its characters alone, so that
-- what begins alike stands together.
ALTER TABLE clients ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE clients SET name_key = substr(lower(coalesce(substring(metadata FROM '"client_name":"([^"\\]*)"'), id)), 1, 200);
CREATE INDEX clients_name ON clients (name_key, id);
CREATE INDEX clients_created ON clients (created_at, id);

-- Consents to one client are read page by page, by user.
DROP INDEX consents_client;
CREATE INDEX consents_client ON consents (client_id, user_id);
