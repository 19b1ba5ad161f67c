DROP INDEX authorizations_client;
CREATE INDEX authorizations_client ON authorizations (client_id);
DROP TABLE bulk_ends;
