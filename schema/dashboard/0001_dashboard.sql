-- Dashboards and what they were: a definition is the JSON that src/dashboard/definition.h reads.
CREATE TABLE dashboards(
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    visibility TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
);
CREATE INDEX dashboards_of ON dashboards(owner);
CREATE TABLE dashboard_versions(
    dashboard TEXT NOT NULL,
    version INTEGER NOT NULL,
    author TEXT NOT NULL,
    author_name TEXT NOT NULL,
    saved_ms INTEGER NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY(dashboard, version)
);
