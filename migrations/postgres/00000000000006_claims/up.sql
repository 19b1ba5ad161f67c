-- What an administrator knows of a user besides the standard claims, as a JSON object.
ALTER TABLE users ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';

-- Custom claims for all clients: name, and the mapping as JSON.
CREATE TABLE custom_claims (
    name TEXT PRIMARY KEY NOT NULL,
    mapping TEXT NOT NULL
);
