-- Rights on single columns of a relation, SELECT and UPDATE, by names in lower case.
CREATE TABLE stroma_system.column_rights(
    "schema" VARCHAR NOT NULL, "name" VARCHAR NOT NULL, "column" VARCHAR NOT NULL,
    grantee VARCHAR NOT NULL, allows VARCHAR NOT NULL, grantor VARCHAR NOT NULL);
