-- When a client took a logout token last. A backlog is worked off by when it is due, so numbers do not say it.
CREATE INDEX deliveries_taken ON deliveries (client_id, attempted_at) WHERE state = 'delivered';
