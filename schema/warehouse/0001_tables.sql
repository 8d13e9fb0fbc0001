-- The warehouse's own tables. Users see only views over them (docs/sql.md).
CREATE SCHEMA store;

-- The current revision of each dataset. `loaded` numbers the tables store.cells_<loaded> and
-- store.var_<loaded>, which hold its cells and genes, frame columns named o0, o1...
-- `called_by_total` says that only cells of 100 molecules or more were called.
CREATE TABLE store.dataset (
    dataset_no INTEGER NOT NULL, dataset_id VARCHAR NOT NULL, dataset VARCHAR NOT NULL,
    revision VARCHAR NOT NULL, revision_number BIGINT NOT NULL,
    bundle_uuid VARCHAR, bundle_version VARCHAR, cells BIGINT NOT NULL, genes BIGINT NOT NULL,
    loaded BIGINT NOT NULL, called_by_total BOOLEAN NOT NULL);

-- Which obs and var columns a dataset has: its name there, the name in SQL, the physical column.
CREATE TABLE store.frame_column (
    dataset_no INTEGER NOT NULL, frame VARCHAR NOT NULL, position INTEGER NOT NULL,
    name VARCHAR NOT NULL, sql_name VARCHAR NOT NULL, type VARCHAR NOT NULL);

-- One line per load or removal, written in the transaction that did it.
CREATE TABLE store.stl_load_commits (
    load_id BIGINT NOT NULL, action VARCHAR NOT NULL, dataset_id VARCHAR, dataset VARCHAR,
    revision VARCHAR, revision_number BIGINT, bundle_uuid VARCHAR, bundle_version VARCHAR,
    source VARCHAR, content_key VARCHAR, row_count BIGINT NOT NULL, committed_at TIMESTAMP NOT NULL);

-- Biology: every row carries the dataset that brought it, so several datasets may hold one key,
-- and a removal takes exactly the rows that nobody else is tied to out of sight.
CREATE TABLE store.analysis (dataset_no INTEGER NOT NULL, analysiskey VARCHAR, bundle_fqid VARCHAR,
    bundle_uuid VARCHAR, bundle_version VARCHAR, protocol VARCHAR, awg_disposition VARCHAR);
CREATE TABLE store.donor (dataset_no INTEGER NOT NULL, donorkey VARCHAR,
    ethnicity_ontology VARCHAR, ethnicity_label VARCHAR,
    diseases_ontology VARCHAR, diseases_label VARCHAR,
    development_stage_ontology VARCHAR, development_stage_label VARCHAR,
    sex VARCHAR, is_living VARCHAR);
CREATE TABLE store.specimen (dataset_no INTEGER NOT NULL, specimenkey VARCHAR, donorkey VARCHAR,
    organ_ontology VARCHAR, organ_label VARCHAR,
    organ_parts_ontology VARCHAR, organ_parts_label VARCHAR,
    diseases_ontology VARCHAR, diseases_label VARCHAR);
CREATE TABLE store.cell_suspension (dataset_no INTEGER NOT NULL, cellsuspensionkey VARCHAR,
    specimenkey VARCHAR, derived_organ_ontology VARCHAR, derived_organ_label VARCHAR,
    derived_organ_parts_ontology VARCHAR, derived_organ_parts_label VARCHAR,
    genus_species_ontology VARCHAR, genus_species_label VARCHAR);
CREATE TABLE store.library_preparation (dataset_no INTEGER NOT NULL, librarykey VARCHAR,
    input_nucleic_acid_ontology VARCHAR, input_nucleic_acid_label VARCHAR,
    construction_approach_ontology VARCHAR, construction_approach_label VARCHAR,
    end_bias VARCHAR, strand VARCHAR);
CREATE TABLE store.project (dataset_no INTEGER NOT NULL, projectkey VARCHAR,
    short_name VARCHAR, title VARCHAR);
CREATE TABLE store.publication (dataset_no INTEGER NOT NULL, projectkey VARCHAR,
    pub_title VARCHAR, pub_doi VARCHAR);
CREATE TABLE store.contributor (dataset_no INTEGER NOT NULL, projectkey VARCHAR,
    cont_name VARCHAR, cont_institution VARCHAR);
-- dataset_no 0 is an annotation loaded for everybody; `source` names it.
CREATE TABLE store.feature (dataset_no INTEGER NOT NULL, source VARCHAR, featurekey VARCHAR,
    featurename VARCHAR, featuretype VARCHAR, chromosome VARCHAR, featurestart BIGINT,
    featureend BIGINT, isgene BOOLEAN, genus_species VARCHAR);

-- What a bundle says of itself: its metadata documents, its data files, and the steps between.
CREATE TABLE store.document (dataset_no INTEGER NOT NULL, document_id VARCHAR,
    document_type VARCHAR, document_version VARCHAR, file_name VARCHAR, content VARCHAR);
CREATE TABLE store.file (dataset_no INTEGER NOT NULL, file_uuid VARCHAR, file_version VARCHAR,
    file_name VARCHAR, content_type VARCHAR, size BIGINT, sha256 VARCHAR);
CREATE TABLE store.link (dataset_no INTEGER NOT NULL, process_id VARCHAR, link_type VARCHAR,
    source_id VARCHAR, source_type VARCHAR, target_id VARCHAR, target_type VARCHAR);
