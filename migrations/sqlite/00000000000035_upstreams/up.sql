-- Other providers that users sign in at.
CREATE TABLE upstreams (
    name TEXT PRIMARY KEY NOT NULL,
    -- Whose users it knows: one upstream for each issuer.
    issuer TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL,
    position BIGINT NOT NULL,
    sealed_secret TEXT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

-- Who somebody at another provider is here. Never by an address.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    upstream TEXT NOT NULL REFERENCES upstreams (name),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    linked_at BIGINT NOT NULL,
    linked_by TEXT NOT NULL,
    last_sign_in_at BIGINT,
    -- What the provider said of them last, and what of that the user has from there.
    profile TEXT NOT NULL,
    brought TEXT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id);
CREATE INDEX identities_upstream ON identities (upstream);

-- Sign-ins that were begun at another provider: they end with their interaction.
CREATE TABLE upstream_logins (
    state BLOB PRIMARY KEY NOT NULL,
    interaction BLOB NOT NULL REFERENCES interactions (digest) ON DELETE CASCADE,
    upstream TEXT NOT NULL REFERENCES upstreams (name) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    nonce BLOB NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX upstream_logins_interaction ON upstream_logins (interaction);
CREATE INDEX upstream_logins_upstream ON upstream_logins (upstream);
CREATE INDEX upstream_logins_expires ON upstream_logins (expires_at);

-- What is linked as soon as the user signs in to the account in this interaction.
CREATE TABLE pending_links (
    interaction BLOB PRIMARY KEY NOT NULL REFERENCES interactions (digest) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    upstream TEXT NOT NULL REFERENCES upstreams (name) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    profile TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_links_upstream ON pending_links (upstream);
CREATE INDEX pending_links_user ON pending_links (user_id);
CREATE INDEX pending_links_expires ON pending_links (expires_at);

-- Which sessions came from another provider, and which session that is there.
CREATE TABLE session_upstreams (
    session_id TEXT PRIMARY KEY NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    upstream TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    sid TEXT,
    -- When the user came from there, by our clock: a session goes on when they come again.
    came_at BIGINT NOT NULL
);
CREATE INDEX session_upstreams_identity ON session_upstreams (issuer, subject);
CREATE INDEX session_upstreams_sid ON session_upstreams (upstream, sid);
