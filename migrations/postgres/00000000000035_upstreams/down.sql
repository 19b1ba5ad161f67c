DROP TABLE session_upstreams;
DROP TABLE pending_links;
DROP TABLE upstream_logins;
DROP TABLE identities;
DROP TABLE upstreams;
