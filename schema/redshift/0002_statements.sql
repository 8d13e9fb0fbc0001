-- Statements of the Data API that changed something: a line in the transaction of the change, so
-- that after a crash it is known which of them took effect.
CREATE TABLE stroma_system.statement_marks(id VARCHAR NOT NULL, committed TIMESTAMP NOT NULL);
