CREATE TABLE collections(
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK(visibility IN ('private', 'public')),
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE TABLE datasets(
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    collection TEXT NOT NULL,
    owner TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK(visibility IN ('private', 'public')),
    current_revision TEXT NOT NULL,
    withdrawn BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX datasets_name ON datasets(name) WHERE NOT withdrawn;
CREATE TABLE revisions(
    id TEXT PRIMARY KEY,
    dataset TEXT NOT NULL REFERENCES datasets(id),
    number BIGINT NOT NULL,
    state TEXT NOT NULL CHECK(state IN ('pending', 'ready', 'removed')),
    object_key TEXT NOT NULL,
    object_etag TEXT NOT NULL,
    source TEXT NOT NULL,
    content_key TEXT NOT NULL,
    cells BIGINT NOT NULL,
    genes BIGINT NOT NULL,
    nonzeros BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE(dataset, number)
);
CREATE INDEX revisions_content ON revisions(content_key);
CREATE INDEX revisions_pending ON revisions(created_ms) WHERE state = 'pending';
CREATE TABLE bundles(
    uuid TEXT NOT NULL,
    version TEXT NOT NULL,
    dataset TEXT NOT NULL,
    revision TEXT NOT NULL,
    state TEXT NOT NULL,
    report TEXT NOT NULL,
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY(uuid, version)
);
CREATE TABLE principals(
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK(role IN ('user', 'administrator')),
    disabled BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL
);
INSERT INTO principals VALUES('local', 'local', 'administrator', FALSE, 0);
-- secret_hash is the SHA-256 of the secret, which has 256 random bits; scopes are split by spaces.
CREATE TABLE tokens(
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL REFERENCES principals(id),
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    revoked BOOLEAN NOT NULL
);
CREATE TABLE grants(
    thing TEXT NOT NULL,
    principal TEXT NOT NULL REFERENCES principals(id),
    access TEXT NOT NULL CHECK(access IN ('read', 'write', 'own')),
    PRIMARY KEY(thing, principal, access)
);
CREATE INDEX grants_principal ON grants(principal);
CREATE TABLE settings(
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE data_versions(
    number BIGINT NOT NULL
);
INSERT INTO data_versions VALUES(1);
