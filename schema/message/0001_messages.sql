-- Times are milliseconds by the calendar.
CREATE TABLE message_queues(
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL
);
-- blocked is 1 while an earlier message of the same group is still there (ordered queues only).
-- receipt is 0 until the message is received, then names its latest delivery. attributes are laid
-- out as their MD5 is taken; '' is none. origin is where a dead letter came from.
CREATE TABLE messages(
    position INTEGER PRIMARY KEY,
    queue BIGINT NOT NULL REFERENCES message_queues(number),
    blocked BIGINT NOT NULL,
    visible_ms BIGINT NOT NULL,
    receipt BIGINT NOT NULL,
    receive_count BIGINT NOT NULL,
    first_received_ms BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    sent_ms BIGINT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes BLOB NOT NULL,
    message_group TEXT NOT NULL,
    deduplication TEXT NOT NULL,
    sender TEXT NOT NULL,
    trace TEXT NOT NULL,
    origin TEXT NOT NULL
);
CREATE INDEX messages_due ON messages(queue, blocked, visible_ms, position);
CREATE INDEX messages_group ON messages(queue, message_group, position) WHERE message_group <> '';
CREATE INDEX messages_sent ON messages(queue, sent_ms);

CREATE TABLE message_deduplication(
    queue BIGINT NOT NULL,
    key TEXT NOT NULL,
    id TEXT NOT NULL,
    position BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY(queue, key)
) WITHOUT ROWID;

CREATE TABLE message_moves(
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    rate BIGINT NOT NULL,
    to_move BIGINT NOT NULL,
    moved BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    started_ms BIGINT NOT NULL
);
