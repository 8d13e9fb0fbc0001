-- due_ms is on the steady clock of the boot named by the queue's row: the end of the lease when
-- a receipt is set, else the time before which the message is delayed. due_unix_ms is the same
-- moment by the calendar, from which due_ms is made anew after a reboot.
CREATE TABLE queues(
    name TEXT PRIMARY KEY,
    next_position BIGINT NOT NULL,
    boot TEXT NOT NULL
);
-- blocked is 1 while an earlier message of the same group is still there.
CREATE TABLE queue_messages(
    id TEXT PRIMARY KEY,
    queue TEXT NOT NULL,
    position BIGINT NOT NULL,
    body TEXT NOT NULL,
    message_group TEXT NOT NULL,
    blocked BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    due_unix_ms BIGINT NOT NULL,
    receipt TEXT NOT NULL,
    delivery_count BIGINT NOT NULL,
    sent_ms BIGINT NOT NULL
);
CREATE INDEX queue_messages_due ON queue_messages(queue, blocked, due_ms, position);
CREATE INDEX queue_messages_receipt ON queue_messages(receipt) WHERE receipt <> '';
CREATE INDEX queue_messages_group ON queue_messages(queue, message_group, position)
    WHERE message_group <> '';
CREATE INDEX queue_messages_sent ON queue_messages(queue, sent_ms);

CREATE TABLE queue_dead_letters(
    id TEXT PRIMARY KEY,
    queue TEXT NOT NULL,
    position BIGINT NOT NULL,
    body TEXT NOT NULL,
    message_group TEXT NOT NULL,
    reason TEXT NOT NULL,
    delivery_count BIGINT NOT NULL,
    died_ms BIGINT NOT NULL
);
CREATE INDEX queue_dead_letters_queue ON queue_dead_letters(queue, died_ms, position);

CREATE TABLE queue_deduplication(
    queue TEXT NOT NULL,
    deduplication_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    until_unix_ms BIGINT NOT NULL,
    PRIMARY KEY(queue, deduplication_id)
);

CREATE TABLE stream_shards(
    stream TEXT NOT NULL,
    shard BIGINT NOT NULL,
    next_sequence BIGINT NOT NULL,
    PRIMARY KEY(stream, shard)
);
CREATE TABLE stream_records(
    stream TEXT NOT NULL,
    shard BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    partition_key TEXT NOT NULL,
    data TEXT NOT NULL,
    arrived_ms BIGINT NOT NULL,
    PRIMARY KEY(stream, shard, sequence)
);
