-- How people sign in. Secrets are kept as SHA-256; each has 256 random bits.
-- email_key is the address in lower case; password_hash is "" where there is no password.
CREATE TABLE accounts(
    principal TEXT PRIMARY KEY REFERENCES principals(id),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts(email_key) WHERE email_key <> '';
CREATE TABLE sessions(
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL REFERENCES principals(id),
    secret_hash TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sessions_principal ON sessions(principal);
-- Addresses and browsers from which somebody has signed in before.
CREATE TABLE known_places(
    principal TEXT NOT NULL REFERENCES principals(id),
    place TEXT NOT NULL,
    used_ms BIGINT NOT NULL,
    PRIMARY KEY(principal, place)
);
-- principal is "" for the first administrator, who names themselves.
CREATE TABLE invitations(
    secret_hash TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    expires_ms BIGINT NOT NULL
);
-- Who somebody is at a provider of sign-in.
CREATE TABLE identities(
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    principal TEXT NOT NULL REFERENCES principals(id),
    created_ms BIGINT NOT NULL,
    PRIMARY KEY(issuer, subject)
);
CREATE INDEX identities_principal ON identities(principal);
-- Ways to a provider that were begun: taken once, by the browser that began them. link_to is the
-- user whose identity it becomes, or "" to sign in.
CREATE TABLE sign_ins(
    state_hash TEXT PRIMARY KEY,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    return_to TEXT NOT NULL,
    link_to TEXT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE TABLE links(
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK(kind IN ('dataset', 'collection', 'result')),
    thing TEXT NOT NULL,
    label TEXT NOT NULL,
    creator TEXT NOT NULL REFERENCES principals(id),
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    revoked BOOLEAN NOT NULL
);
CREATE INDEX links_thing ON links(thing);
CREATE INDEX links_creator ON links(creator);
CREATE TABLE audit(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms BIGINT NOT NULL,
    who TEXT NOT NULL,
    name TEXT NOT NULL,
    came_by TEXT NOT NULL,
    proof TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    thing TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK(outcome IN ('allowed', 'denied')),
    address TEXT NOT NULL,
    request TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE INDEX audit_who ON audit(who, number);
CREATE INDEX audit_thing ON audit(thing, number);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
