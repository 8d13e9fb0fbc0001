-- The index of what clients store as S3 objects. Large bodies are objects of the object store.
CREATE TABLE buckets(
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    region TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    versioning TEXT NOT NULL DEFAULT ''  -- "", "Enabled", "Suspended"
) WITHOUT ROWID;

-- Documents of a bucket as its clients wrote them: policy, cors, lifecycle, notification, tagging…
CREATE TABLE bucket_settings(
    bucket TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY(bucket, name)
) WITHOUT ROWID;

-- Every version of every key. The newest has the greatest sequence; `latest` marks it.
CREATE TABLE objects(
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    version TEXT NOT NULL,      -- "null" where the bucket didn't keep versions
    latest BOOLEAN NOT NULL,
    marker BOOLEAN NOT NULL,    -- says that the key is deleted
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    owner TEXT NOT NULL,
    attributes TEXT NOT NULL,   -- JSON of the front: headers, user metadata, checksum
    tags TEXT NOT NULL,
    body INTEGER NOT NULL,      -- id in bodies; 0 for none
    pieces TEXT NOT NULL,       -- JSON: [["blob", size], …]; "" where the bytes lie in bodies
    PRIMARY KEY(bucket, key, sequence)
) WITHOUT ROWID;
CREATE INDEX objects_latest ON objects(bucket, key) WHERE latest;
CREATE INDEX objects_version ON objects(version) WHERE version <> 'null';

-- Bytes of small objects.
CREATE TABLE bodies(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);

-- Objects of the object store that rows above point at, and how often.
CREATE TABLE blobs(id TEXT PRIMARY KEY, uses INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE uploads(
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    owner TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    done TEXT NOT NULL DEFAULT ''  -- version that it became, so that completing it again is answered
) WITHOUT ROWID;
CREATE INDEX uploads_of_bucket ON uploads(bucket, key, id);

CREATE TABLE parts(
    upload TEXT NOT NULL,
    number INTEGER NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    checksum TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    blob TEXT NOT NULL,
    PRIMARY KEY(upload, number)
) WITHOUT ROWID;
