-- One line for each ontology that was read in, by the prefix of its ids.
CREATE TABLE ontology(
    prefix TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    terms BIGINT NOT NULL,
    imported_ms BIGINT NOT NULL
);
-- Lists are lines of a text. exact: synonyms that name the same; related: what people also type.
CREATE TABLE ontology_term(
    prefix TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    exact TEXT NOT NULL,
    related TEXT NOT NULL,
    parents TEXT NOT NULL,
    deprecated BIGINT NOT NULL,
    replaced_by TEXT NOT NULL
);
CREATE INDEX ontology_term_prefix ON ontology_term(prefix);
