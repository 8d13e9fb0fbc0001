-- What people add to immutable revisions. Histories only grow: a row is never changed.
CREATE TABLE spaces(
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX spaces_owner ON spaces(owner);
-- version is that of the last change; snapshot is the whole column at snapshot_version, so that
-- opening it reads few changes.
CREATE TABLE label_columns(
    id TEXT PRIMARY KEY,
    space TEXT NOT NULL REFERENCES spaces(id),
    revision TEXT NOT NULL,
    name TEXT NOT NULL,
    cells BIGINT NOT NULL,
    version BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    removed_ms BIGINT NOT NULL,
    snapshot_version BIGINT NOT NULL,
    snapshot BLOB NOT NULL
);
CREATE UNIQUE INDEX label_columns_name ON label_columns(space, revision, name) WHERE removed_ms = 0;
CREATE INDEX label_columns_revision ON label_columns(revision);
CREATE TABLE label_changes(
    column_id TEXT NOT NULL REFERENCES label_columns(id),
    version BIGINT NOT NULL,
    author TEXT NOT NULL,
    author_name TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    change BLOB NOT NULL,
    PRIMARY KEY(column_id, version)
);
-- All gene sets of one space and revision are one document; a change keeps the document after it.
CREATE TABLE gene_set_changes(
    space TEXT NOT NULL REFERENCES spaces(id),
    revision TEXT NOT NULL,
    version BIGINT NOT NULL,
    author TEXT NOT NULL,
    author_name TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY(space, revision, version)
);
CREATE INDEX gene_set_changes_revision ON gene_set_changes(revision);
-- Selections and views are immutable; they can only be removed.
CREATE TABLE kept_things(
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK(kind IN ('selection', 'view')),
    revision TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    by_link BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX kept_things_owner ON kept_things(owner, kind, revision);
CREATE INDEX kept_things_revision ON kept_things(revision);
