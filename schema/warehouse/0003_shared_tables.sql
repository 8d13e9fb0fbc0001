-- Small datasets share tables: cells by the columns of obs, genes by all that var holds. The cells of
-- a dataset are the rows of store.cells_<cells_in> with its number `loaded`, its genes all rows of
-- store.var_<genes_in>. Neither is set where an older program wrote the tables; opening sets them.
ALTER TABLE store.dataset ADD COLUMN cells_in BIGINT;
ALTER TABLE store.dataset ADD COLUMN genes_in BIGINT;

-- The tables that more datasets may come into: frame is obs or var, shape what they must have alike.
CREATE TABLE store.shared_table (
    table_no BIGINT NOT NULL, frame VARCHAR NOT NULL, shape VARCHAR NOT NULL);

-- Instead of frame_column: the columns of a table, o0, o1..., by its number.
CREATE TABLE store.table_column (
    table_no BIGINT NOT NULL, frame VARCHAR NOT NULL, position INTEGER NOT NULL,
    name VARCHAR NOT NULL, sql_name VARCHAR NOT NULL, type VARCHAR NOT NULL);
INSERT INTO store.table_column
    SELECT loaded, frame, position, name, sql_name, type
    FROM store.frame_column JOIN store.dataset USING (dataset_no);
DROP TABLE store.frame_column;

-- Small datasets that were loaded but don't lie in their tables yet: all rows of one, packed
-- (docs/decisions/0003-arrived-datasets.md). They are put into the tables many at once, before
-- anybody looks. Their lines of the ledger came with them.
CREATE TABLE store.arrived (
    load_id BIGINT NOT NULL, dataset_id VARCHAR NOT NULL, revision VARCHAR NOT NULL,
    packed BLOB NOT NULL);
