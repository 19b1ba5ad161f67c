-- How often something was tried within a window: a keyed digest says what.
CREATE TABLE attempts (
    key BLOB PRIMARY KEY NOT NULL,
    since BIGINT NOT NULL,
    count BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX attempts_since ON attempts (since);

-- Who began a sign-in, as keyed digests, and what its row takes.
ALTER TABLE interactions ADD COLUMN network BLOB;
ALTER TABLE interactions ADD COLUMN neighbourhood BLOB;
ALTER TABLE interactions ADD COLUMN cost BIGINT NOT NULL DEFAULT 1;
CREATE INDEX interactions_network ON interactions (network, created_at, cost);
CREATE INDEX interactions_neighbourhood ON interactions (neighbourhood, created_at, cost);

-- Whose refusals are kept: what went beyond the bound until now goes.
DELETE FROM refusals WHERE at < (SELECT at FROM refusals ORDER BY at DESC LIMIT 1 OFFSET 40000);
ALTER TABLE refusals ADD COLUMN share TEXT NOT NULL DEFAULT '';
ALTER TABLE refusals ADD COLUMN neighbourhood BLOB;
CREATE INDEX refusals_share ON refusals (share, neighbourhood, at);
CREATE INDEX refusals_neighbourhood ON refusals (neighbourhood, at);
