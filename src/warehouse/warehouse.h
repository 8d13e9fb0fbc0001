#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "expression/sealed_dataset.h"
#include "sql/database.h"

namespace stroma::warehouse {

/// A row of a biology table: column name → value. Tables and columns: schema/warehouse.sql.
using Row = std::map<std::string, sql::Value>;
using BiologyRows = std::map<std::string, std::vector<Row>>;  ///< by table

/// Everything that one revision brings into the warehouse, applied at once.
struct RevisionRows {
    std::string dataset;  ///< catalog id
    std::string dataset_name;
    std::string revision;
    std::int64_t revision_number = 0;
    std::string bundle_uuid, bundle_version;  ///< "" when it is not a bundle
    const expression::Frame* obs = nullptr;
    const expression::Frame* var = nullptr;
    /// Per cell, in obs order: total and number of detected genes, for the `cell` table.
    std::vector<double> cell_totals;
    std::vector<std::uint32_t> genes_detected;
    /// Overrides of `cell` columns per cell (cellkey, barcode, emptydrops_is_cell, file_uuid...),
    /// each as long as obs; keys are column names.
    std::map<std::string, std::vector<sql::Value>> cell_columns;
    /// Rows of donor, specimen, cell_suspension, library_preparation, project, publication,
    /// contributor, analysis, feature; every row is tied to this revision in provenance.
    BiologyRows biology;
    std::string source;       ///< ledger: what was loaded
    std::string content_key;  ///< ledger: its identity
};

struct LoadReport {
    bool already_loaded = false;
    std::map<std::string, std::int64_t> rows;  ///< per table
};

/// A user's statement is bounded by these; passing one is `exhausted` and names it.
struct QueryLimits {
    Milliseconds time{30'000};
    std::uint64_t memory_bytes = 1u << 30;
    std::uint64_t rows_max = 5'000'000;
    std::uint64_t bytes_max = 256u << 20;
    /// Nobody but the calling thread works on it, so that its priority is that thread's.
    bool alone = false;
    std::stop_token stop;  ///< asked when nobody waits for the answer any more
};

/// What a user may see: the current revisions of these datasets and nothing else.
struct Scope {
    bool everything = false;            ///< the administrator
    std::vector<std::string> datasets;  ///< catalog ids
    std::string asker = {};             ///< the principal's id; "" nobody in particular
};

/// Cells of one dataset's current revision, by their row in obs, rising or in the query's order.
struct SelectedCells {
    std::string dataset, revision;
    std::vector<std::uint32_t> cells;
};

/// Gives the sealed dataset of a revision; the warehouse reads expression through it.
using OpenRevision =
    std::function<Result<std::shared_ptr<const expression::SealedDataset>>(std::string_view)>;

/// The SQL side of all datasets. One owner process. Any thread.
class Warehouse {
public:
    static Result<std::unique_ptr<Warehouse>> open(sql::Database& database, OpenRevision open,
                                                   const Clock& clock);
    ~Warehouse();

    /// Puts the rows in, takes the dataset's former revision's rows out of sight, and writes the
    /// ledger line, in one transaction. A repeat of a revision already in the ledger changes
    /// nothing and says so.
    Result<LoadReport> apply(const RevisionRows& rows);
    /// Takes a revision's rows out, and every biology row that no other revision is tied to.
    Result<LoadReport> remove(std::string_view revision);
    /// Whether the ledger has the revision: decides what a crash left (DESIGN invariant 2).
    Result<bool> has_revision(std::string_view revision);
    /// Rises with every change, before whoever made it is told: while it stays, the same question
    /// has the same answer.
    std::uint64_t version() const;
    /// Loads genes and transcripts of an annotation into `feature`.
    Result<std::int64_t> load_features(const std::vector<Row>& features, std::string_view source);

    /// One SELECT by a user: checked against the allow-list, run read-only within the limits, its
    /// parameters bound. Every parameter needs a value and every value a parameter.
    /// errors  denied         names the function, table or statement kind that isn't allowed
    ///         invalid_input  syntax, names; the engine's message with its position
    ///         exhausted      the limit's name       cancelled  stop was called
    Result<std::unique_ptr<sql::Rows>> query(std::string_view statement, const Scope& scope,
                                             const QueryLimits& limits,
                                             const sql::NamedValues& parameters = {});
    /// The same, written to a file: "parquet", "csv", "json", "arrow". Gives the rows.
    Result<std::uint64_t> query_to_file(std::string_view statement, std::string_view format,
                                        const fs::path& path, const Scope& scope,
                                        const QueryLimits& limits,
                                        const sql::NamedValues& parameters = {});
    /// Cells where a condition over the view `cells` holds (obs, cell, donor, specimen... joined).
    Result<std::vector<SelectedCells>> select_where(std::string_view condition, const Scope& scope,
                                                    const QueryLimits& limits);
    /// Cells named by a SELECT that gives `cellkey`, or `cell_id` with or without `dataset`.
    Result<std::vector<SelectedCells>> select_sql(std::string_view statement, const Scope& scope,
                                                  const QueryLimits& limits);

    struct State;
    State& state() { return *state_; }  ///< for this folder's own files

private:
    explicit Warehouse(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::warehouse
