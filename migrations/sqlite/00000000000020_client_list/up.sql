-- For the list of clients: the name in the form in which names are searched and sorted.
ALTER TABLE clients ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE clients SET name_key = substr(lower(coalesce(CASE WHEN json_valid(metadata) THEN json_extract(metadata, '$.client_name') END, id)), 1, 200);
CREATE INDEX clients_name ON clients (name_key, id);
CREATE INDEX clients_created ON clients (created_at, id);

-- Consents to one client are read page by page, by user.
DROP INDEX consents_client;
CREATE INDEX consents_client ON consents (client_id, user_id);
