#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "expression/annotated_data.h"
#include "expression/input_files.h"
#include "load/hca/hca_manifest.h"
#include "load/hca/hca_metadata.h"

// A bundle of the Human Cell Atlas: a folder of one bundle's files, usually named by its FQID
// "<uuid>.<version>", and its manifest.

namespace stroma::loading {

enum class HcaProtocol { optimus, smartseq2, cellranger, other };
std::string_view name_of(HcaProtocol protocol);

struct HcaBundleOptions {
    /// The manifest; see find_hca_manifest. Without one nothing is verified, and that is noted.
    std::optional<FoundManifest> manifest;
    bool strict = false;  ///< metadata files that differ are refused too
    OntologyLabels labels;
    /// Gene symbol → Ensembl id (cut at the first dot) for bundles whose gene ids are symbols.
    std::map<std::string, std::string> ensembl_of_symbol;
    expression::Watch watch;
};

struct HcaBundle {
    std::string uuid, version, fqid;
    HcaProtocol protocol = HcaProtocol::other;
    std::optional<FileReport> files;  ///< none without a manifest
    /// All barcodes, none dropped; zero cells when the bundle holds metadata only.
    /// obs index: the barcode, or the suspension's document id (Smart-seq2). obs columns: the API
    /// names that the old service knew (donor_organism.sex ...), then every QC metric of the
    /// bundle. var: native ids; "ensembl_id" is the id that maps to the annotation, "" where none;
    /// "isgene" where transcripts lie beside genes.
    expression::AnnotatedData data;
    /// Rows by table, for warehouse::RevisionRows::biology: donor, specimen, cell_suspension,
    /// library_preparation, project, publication, contributor, analysis. Every entity.
    std::map<std::string, std::vector<warehouse::Row>> biology;
    /// One row a table as the old service saw it; see HcaMetadata::compatibility.
    std::map<std::string, warehouse::Row> compatibility;
    /// Columns of `cell`, each as long as obs: cellkey (the old key: md5 of folder name + barcode),
    /// stable_cellkey (md5 of bundle uuid + barcode: the same over versions), cellsuspensionkey,
    /// projectkey, librarykey, analysiskey, barcode, genes_detected, total_umis,
    /// emptydrops_is_cell, file_uuid, file_version.
    std::map<std::string, std::vector<sql::Value>> cell_columns;
    std::vector<HcaLink> links;
    std::vector<HcaDocument> documents;
    /// Manifest lines of the data files (uuid, version, sha256): provenance of every value.
    std::vector<HcaFile> data_files;
};

/// Reads a bundle. `files` must outlive the result's matrices. Cost: every byte is hashed once and
/// the matrix is read once to count genes.
/// errors  invalid_input  a data file whose sha256 differs from a manifest that binds (names it and
///                        both hashes), or in strict mode any file; an expression file that the
///                        manifest lists and that isn't there while others are; malformed files
///         cancelled
Result<HcaBundle> read_hca_bundle(expression::InputFiles& files, const HcaBundleOptions& options);

/// Whether the folder looks like a bundle: links.json or *_0.json metadata.
bool looks_like_hca_bundle(expression::InputFiles& files);

/// symbol → Ensembl id (cut at the first dot) of a 10x genes.tsv or features.tsv; a symbol that
/// stands for several ids takes the first.
Result<std::map<std::string, std::string>> read_symbol_table(expression::InputFiles& files,
                                                             std::string_view name);

}  // namespace stroma::loading
