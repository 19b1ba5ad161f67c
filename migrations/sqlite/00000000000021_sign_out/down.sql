CREATE INDEX deliveries_dead ON deliveries (id) WHERE state = 'dead';
DROP INDEX deliveries_user;
DROP INDEX deliveries_client;
DROP INDEX deliveries_state;
