-- Where an output lies: 'hot' in its folder, 'cold' in the archive, 'restored' in both until until_ms.
-- archive_ms after its last use it goes cold (0: never); put_away: somebody wants it gone cold now.
ALTER TABLE flow_outputs ADD COLUMN tier TEXT NOT NULL DEFAULT 'hot';
ALTER TABLE flow_outputs ADD COLUMN archive_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE flow_outputs ADD COLUMN put_away BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE flow_outputs ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE flow_outputs ADD COLUMN until_ms BIGINT NOT NULL DEFAULT 0;

-- Who waits for which output to come back, and for how long it is to stay; run: who is told of it.
CREATE TABLE flow_restores(
    key TEXT NOT NULL,
    run TEXT NOT NULL,
    stay_ms BIGINT NOT NULL,
    asked_ms BIGINT NOT NULL,
    PRIMARY KEY(key, run)
);
