-- What one session or user has of one client is found by both. By a single column of either, SQLite may as well go through
-- all that the client was ever given.
DROP INDEX authorizations_session;
CREATE INDEX authorizations_session ON authorizations (session_id, client_id);
DROP INDEX authorizations_user;
CREATE INDEX authorizations_user ON authorizations (user_id, client_id);
