-- What people say of datasets and collections beside their data. A change here changes no file.
CREATE TABLE portal_cards(
    thing TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    doi TEXT NOT NULL,
    contact TEXT NOT NULL,
    links TEXT NOT NULL,
    publication TEXT NOT NULL,
    datasets TEXT NOT NULL,
    tombstone TEXT NOT NULL,
    published_ms BIGINT NOT NULL,
    revised_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
-- The open revision of a published collection: at most one.
CREATE TABLE portal_drafts(
    collection TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    datasets TEXT NOT NULL,
    started_by TEXT NOT NULL,
    started_ms BIGINT NOT NULL
);
-- What can be searched and counted of a revision; made once.
CREATE TABLE portal_facts(
    revision TEXT PRIMARY KEY,
    facts TEXT NOT NULL
);
CREATE TABLE portal_reports(
    revision TEXT NOT NULL,
    profile TEXT NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY(revision, profile)
);
-- secret_hash is the SHA-256 of the secret in the link.
CREATE TABLE portal_download_links(
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    result TEXT NOT NULL,
    dataset TEXT NOT NULL,
    revision TEXT NOT NULL,
    principal TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE TABLE portal_tiles(
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    dashboard TEXT NOT NULL,
    title TEXT NOT NULL,
    statement TEXT NOT NULL,
    chart TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK(visibility IN ('private', 'public')),
    seconds BIGINT NOT NULL,
    place BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
