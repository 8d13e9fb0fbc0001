-- Links to views, and links that let comment.
CREATE TABLE new_links(
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK(kind IN ('dataset', 'collection', 'result', 'view')),
    thing TEXT NOT NULL,
    label TEXT NOT NULL,
    creator TEXT NOT NULL REFERENCES principals(id),
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    revoked BOOLEAN NOT NULL,
    comments BOOLEAN NOT NULL
);
INSERT INTO new_links SELECT id, secret_hash, kind, thing, label, creator, created_ms, expires_ms,
    used_ms, uses, revoked, false FROM links;
DROP TABLE links;
ALTER TABLE new_links RENAME TO links;
CREATE INDEX links_thing ON links(thing);
CREATE INDEX links_creator ON links(creator);
