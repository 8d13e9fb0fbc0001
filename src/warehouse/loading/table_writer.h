#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "warehouse/loading/revision_tables.h"
#include "warehouse/state.h"

namespace stroma::warehouse {

/// Puts revisions' rows into the store's tables and takes them out, all within one write
/// transaction of the connection.
class TableWriter {
public:
    TableWriter(Warehouse::State& state, sql::Connection& connection)
        : state_(state), connection_(connection) {}

    /// Makes them their datasets' current revisions; no two are of one dataset.
    Result<void> put_in(std::span<const RevisionTables> all);
    /// Takes the dataset out whose current revision that is, if any. Counts of rows by table.
    Result<LoadReport> take_out(std::string_view revision);

    /// Cells of a dataset with no more of them share a table.
    static constexpr std::int64_t shared_cells_max = 4096;

private:
    struct Held {
        std::int64_t dataset_no, loaded, cells, cells_in, genes_in;
        std::string dataset;
    };
    using DatasetNumbers = std::map<std::string, std::int64_t>;
    Result<std::vector<Held>> held_where(const std::string& condition);
    Result<LoadReport> take_out(const std::vector<Held>& datasets);
    Result<void> drop_unused();
    Result<std::int64_t> put_cells(std::span<const RevisionTables* const> alike);
    Result<std::int64_t> put_genes(const RevisionTables& tables);
    Result<void> put_biology(std::span<const RevisionTables> all, const DatasetNumbers& numbers);
    Result<void> make_table(std::string_view frame, const FrameRows& rows, std::int64_t number,
                            bool is_shared);
    Result<void> fill(const std::string& table, std::vector<ScannedRows> parts);

    Warehouse::State& state_;
    sql::Connection& connection_;
    std::set<std::int64_t> left_cells_, left_genes_;  // tables that a dataset was taken out of
};

}  // namespace stroma::warehouse
