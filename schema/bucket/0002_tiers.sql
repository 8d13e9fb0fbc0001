-- Objects whose bytes lie in the cold store, and copies of them that were asked back for a while.
ALTER TABLE objects ADD COLUMN storage_class TEXT NOT NULL DEFAULT 'STANDARD';
ALTER TABLE objects ADD COLUMN work INTEGER NOT NULL DEFAULT 0;  -- 1 goes cold, 2 comes back
ALTER TABLE objects ADD COLUMN restore_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN restored TEXT NOT NULL DEFAULT '';  -- as pieces: the copy
ALTER TABLE objects ADD COLUMN restored_until_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX objects_in_work ON objects(work) WHERE work <> 0;
CREATE INDEX objects_restored ON objects(restored_until_ms) WHERE restored_until_ms <> 0;

-- "ended cleanly" is 1 when nothing can lie in the object store that no row names.
CREATE TABLE bucket_state(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
