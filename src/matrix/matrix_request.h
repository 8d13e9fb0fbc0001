#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "matrix/field_columns.h"

namespace stroma::matrix {

/// What is asked for. Exactly one of filter, where, sql, bundles, revision chooses the cells.
struct MatrixQuery {
    std::string filter;                ///< JSON text of the v1 filter tree
    std::string where;                 ///< SQL condition over the view `cells`
    std::string sql;                   ///< SELECT that names cells
    std::vector<std::string> bundles;  ///< bundle FQIDs or UUIDs (v0)
    std::string revision;              ///< id of one, current or not: all its cells, or `cells`
    /// Of `revision`: runs [first, one past the last), rising and apart; empty is all.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> cells;
    std::vector<std::string> fields;  ///< obs columns of the output; empty is the default set
    std::vector<std::string> genes;   ///< ids or names; empty is all
    std::string feature = "gene";     ///< "gene" or "transcript"
    std::string matrix = "X";         ///< "X", "raw.X", "layers/<name>"
    std::string format = "loom";      ///< "zarr", "loom", "csv", "mtx", "h5ad", "parquet"
    std::string layout;               ///< format variant; see WriteOptions
    std::string species;              ///< "" or a label that cells must have
    bool called_cells_only = false;   ///< leave out barcodes below the 100-molecule rule
    TableLayout tables = TableLayout::plain;
};

enum class RequestState { in_progress, complete, failed, expired };

/// A request as its owner sees it.
struct MatrixRequest {
    std::string id;
    /// Of the canonical query and the snapshot (which revisions it could see), "." and the format:
    /// the result's id, by which it can be cited.
    std::string hash;
    std::string result_key;  ///< RequestRecord::result_key()
    /// For ever the same for the same bytes of the file, known before there is one.
    std::string tag;
    MatrixQuery query;
    RequestState state = RequestState::in_progress;
    std::string owner, job;
    std::string message;     ///< for people
    std::string object_key;  ///< of the result when complete; "" when no cell matched
    std::string file_name;   ///< also while it is being made
    std::string sha256;
    std::uint64_t bytes = 0, cells = 0, genes = 0, nonzeros = 0;
    double sum = 0;
    double fraction = 0;      ///< 0 … 1
    double eta_seconds = -1;  ///< -1 unknown
    std::int64_t data_version = 0, created_ms = 0, completed_ms = 0, expires_ms = 0;
};

}  // namespace stroma::matrix
