DROP INDEX authorizations_session;
CREATE INDEX authorizations_session ON authorizations (session_id);
DROP INDEX authorizations_user;
CREATE INDEX authorizations_user ON authorizations (user_id);
