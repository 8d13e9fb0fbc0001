-- What can be searched and counted of a revision, made once; the text is made to be read quickly:
-- U+001E stands between facet values, U+001F between facet, value and cells.
DROP TABLE portal_facts;
CREATE TABLE portal_facts(
    revision TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    number BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    cells BIGINT NOT NULL,
    genes BIGINT NOT NULL,
    nonzeros BIGINT NOT NULL,
    facets TEXT NOT NULL
);
