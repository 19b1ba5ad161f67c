-- What is to be done later, written in the transaction of its cause. `run_at`: when it can be taken; while somebody works
-- on it, when their lease ends.
CREATE TABLE jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL,
    unique_key TEXT,
    payload TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    last_error TEXT,
    dead_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, unique_key)
);
CREATE INDEX jobs_due ON jobs (kind, run_at, id) WHERE dead_at IS NULL;
CREATE INDEX jobs_dead ON jobs (dead_at) WHERE dead_at IS NOT NULL;
