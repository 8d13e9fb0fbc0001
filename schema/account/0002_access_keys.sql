-- Pairs with which AWS clients sign. The secret is encrypted under the data directory's key file.
CREATE TABLE access_keys(
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    label TEXT NOT NULL,
    secret TEXT NOT NULL,  -- hexadecimal: nonce and box of libsodium's secretbox
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX access_keys_of_principal ON access_keys(principal);
