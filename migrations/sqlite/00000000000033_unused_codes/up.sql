-- How many codes of one session and client nobody has exchanged is counted with each new one, by this index: it holds what is
-- not a minute old, while the rows of a session stand all over the table.
CREATE INDEX authorizations_unused ON authorizations (session_id, client_id, created_at, id) WHERE exchanged_at IS NULL;
