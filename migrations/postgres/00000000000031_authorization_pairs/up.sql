-- What one session or user has of one client is found by both. By a single column of either, SQLite may as well go through
-- all that the client was ever given. Whoever reads goes on while the indexes are built: what waits for all is the end.
CREATE INDEX authorizations_pair_of_session ON authorizations (session_id, client_id);
CREATE INDEX authorizations_pair_of_user ON authorizations (user_id, client_id);
DROP INDEX authorizations_session;
ALTER INDEX authorizations_pair_of_session RENAME TO authorizations_session;
DROP INDEX authorizations_user;
ALTER INDEX authorizations_pair_of_user RENAME TO authorizations_user;
