-- Status lists (Token Status List): each access token has a number in a list, and its bit says whether it ended.
CREATE TABLE status_lists (
    list BIGINT PRIMARY KEY NOT NULL,
    -- Numbers below this one were given to nodes.
    taken BIGINT NOT NULL,
    -- When the last of them were, by the clock of the program: what a trigger goes by.
    leased_at BIGINT NOT NULL,
    -- When the last token that has a number of it is over.
    live_until BIGINT NOT NULL
);

-- What ended before its time, until it would be over anyway. Lists are made of this.
CREATE TABLE ended_tokens (
    -- Never given twice, so that whoever reads on misses none.
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    until_at BIGINT NOT NULL,
    -- 1: of the entries, only those of tokens that were issued within a session.
    in_session BIGINT NOT NULL DEFAULT 0,
    entries BLOB NOT NULL,
    -- The transaction, where rows are numbered before they are committed. Here one writer comes after the other.
    tx BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ended_tokens_until ON ended_tokens (until_at);

-- The entries of the access tokens that are not over, and when the last of them is. No index: whatever changes them has
-- found the row by another.
ALTER TABLE authorizations ADD COLUMN token_entries BLOB;
ALTER TABLE authorizations ADD COLUMN token_entries_until BIGINT;

-- Many statements end authorizations, and cascades do. Whatever it is, the tokens end with it in the same transaction:
-- none can forget them.
CREATE TRIGGER authorizations_revoked AFTER UPDATE OF revoked_at ON authorizations
WHEN OLD.revoked_at IS NULL AND NEW.token_entries_until > NEW.revoked_at AND NEW.token_entries IS NOT NULL
BEGIN
    INSERT INTO ended_tokens (until_at, entries) VALUES (NEW.token_entries_until, NEW.token_entries);
END;

-- What is swept was over long before numbers were given last, and leaves nothing. An hour: clocks of nodes differ. A clock
-- that was ahead once has left a time in the future: the database's own counts where it is earlier.
CREATE TRIGGER authorizations_deleted AFTER DELETE ON authorizations
WHEN OLD.revoked_at IS NULL AND OLD.token_entries IS NOT NULL
BEGIN
    INSERT INTO ended_tokens (until_at, entries) SELECT OLD.token_entries_until, OLD.token_entries
        WHERE OLD.token_entries_until > min(coalesce((SELECT leased_at FROM status_lists ORDER BY list DESC LIMIT 1), 0), unixepoch()) - 3600;
END;
