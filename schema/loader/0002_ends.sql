-- Ends of loads that nobody was told of yet, written in the load's transaction. What was told is
-- taken away by the next load, so after a crash an end may be told twice, and never not at all.
CREATE TABLE stroma_system.load_ends(
    load_id VARCHAR NOT NULL, teller VARCHAR NOT NULL, document VARCHAR NOT NULL);
