-- Clients that hear of the end of a session: noted when one of them exchanges a code in it, gone when it ends.
CREATE TABLE session_clients (
    session_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (session_id, client_id)
);
-- What is known of the sessions that live.
INSERT INTO session_clients (session_id, client_id, user_id, since)
    SELECT a.session_id, a.client_id, a.user_id, min(a.exchanged_at) FROM authorizations AS a
    JOIN sessions AS s ON s.id = a.session_id JOIN clients AS c ON c.id = a.client_id
    WHERE a.exchanged_at IS NOT NULL AND (' ' || a.scope || ' ') LIKE '% openid %' AND c.metadata LIKE '%channel_logout_uri":%'
    GROUP BY a.session_id, a.client_id, a.user_id;

-- A logout token for each session that has ended and each client that is told: the queue, and afterwards the receipt.
-- `due_at`: when it can be sent; while somebody sends it, when their lease ends. `since`: it is tried for a day from there,
-- and `attempts_before` were made before.
CREATE TABLE deliveries (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    attempts_before BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT NOT NULL,
    lease_owner TEXT,
    attempted_at BIGINT,
    outcome TEXT,
    status BIGINT,
    milliseconds BIGINT,
    reason TEXT,
    UNIQUE (session_id, client_id)
);
CREATE INDEX deliveries_due ON deliveries (client_id, due_at, id) WHERE state = 'waiting';
CREATE INDEX deliveries_dead ON deliveries (id) WHERE state = 'dead';
CREATE INDEX deliveries_settled ON deliveries (state, attempted_at) WHERE state <> 'waiting';
