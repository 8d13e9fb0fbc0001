#pragma once

#include <deque>
#include <string>
#include <vector>

#include "warehouse/frame_scan.h"
#include "warehouse/warehouse.h"

namespace stroma::warehouse {

/// What a column o0, o1... of a table is called: in its file, and in SQL.
struct TableColumn {
    std::string name, sql_name, sql_type;
};

/// Rows of store.cells_<n> or store.var_<n>, column by column as the table has them.
struct FrameRows {
    ScannedRows scanned;
    std::vector<TableColumn> named;  ///< its last columns
    std::string shape;               ///< datasets with an equal one can share a table
    // What `scanned` points to where nobody else keeps it.
    std::deque<expression::Column> columns;
    std::deque<expression::TextArray> texts;
    std::deque<std::vector<sql::Value>> values;
};

/// Everything that a revision brings, as the store's tables hold it. Moved, never copied.
struct RevisionTables {
    RevisionTables() = default;
    RevisionTables(RevisionTables&&) = default;
    RevisionTables& operator=(RevisionTables&&) = default;

    std::int64_t loaded = 0;  ///< the number of its load
    std::string dataset, dataset_name, revision, bundle_uuid, bundle_version;
    std::int64_t revision_number = 0;
    bool called_by_total = false;
    std::int64_t cell_count = 0, gene_count = 0;
    FrameRows cells;
    FrameRows genes;  ///< without rows where a table of that shape is there already
    /// Values behind dataset_no; a list of rows for each of biology_tables().
    std::vector<std::vector<std::vector<sql::Value>>> biology;

    void set_loaded(std::int64_t number);
    LoadReport report() const;
};

/// The tables of those rows, which must outlive them. Says of the cells what obs tells (donor_id,
/// tissue, assay...) where the rows themselves don't. Cost: md5 of every cell's key.
RevisionTables tables_of(const RevisionRows& rows);

/// One row a key, as the table's columns lie behind dataset_no: two would give each of its cells
/// twice in the joins of `cells`.
std::vector<std::vector<sql::Value>> rows_by_key(std::string_view table,
                                                 const std::vector<Row>& rows);

}  // namespace stroma::warehouse
