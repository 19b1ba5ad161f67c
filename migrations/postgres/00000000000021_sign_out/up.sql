-- Receipts are looked for by where they stand, by client and by user, in the order of their numbers.
CREATE INDEX deliveries_state ON deliveries (state, id);
CREATE INDEX deliveries_client ON deliveries (client_id, state, id);
CREATE INDEX deliveries_user ON deliveries (user_id, state, id);
DROP INDEX deliveries_dead;
