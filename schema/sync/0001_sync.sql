CREATE TABLE sync_job (
    name TEXT PRIMARY KEY,
    settings TEXT NOT NULL,          -- JSON, as SyncJob writes it
    is_paused BOOLEAN NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    live TEXT NOT NULL DEFAULT '{}', -- JSON: how far the pass is that runs now
    live_ms INTEGER NOT NULL DEFAULT 0
);

-- What the agent knows of each file of a folder.
CREATE TABLE sync_file (
    job TEXT NOT NULL REFERENCES sync_job (name) ON DELETE CASCADE,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,        -- since when it has had that size and time
    is_sent BOOLEAN NOT NULL DEFAULT 0,
    sha256 TEXT NOT NULL DEFAULT '', -- of the parts' SHA-256, or of the bytes when there is one part
    part_bytes INTEGER NOT NULL DEFAULT 0,
    etag TEXT NOT NULL DEFAULT '',
    sent_ms INTEGER NOT NULL DEFAULT 0,
    upload TEXT NOT NULL DEFAULT '', -- of a multipart upload that isn't complete
    error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, path)
) WITHOUT ROWID;

CREATE TABLE sync_part (
    job TEXT NOT NULL,
    path TEXT NOT NULL,
    number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job, path, number),
    FOREIGN KEY (job, path) REFERENCES sync_file (job, path) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE sync_pass (
    job TEXT NOT NULL REFERENCES sync_job (name) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    report TEXT NOT NULL,            -- JSON, as PassReport writes it
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
