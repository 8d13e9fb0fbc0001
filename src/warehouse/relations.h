#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "warehouse/state.h"

namespace stroma::warehouse {

/// Every relation that a user's statement may name. Those that `is_other` have rows that are kept
/// elsewhere.
bool is_other(std::string_view name);
bool is_relation(std::string_view name);
const std::vector<std::string_view>& relation_names();

/// Writes the relations as SELECTs over the store, for the datasets that one statement may see.
class Relations {
public:
    static Result<Relations> read(sql::Connection& connection, const Scope& scope);

    const std::vector<VisibleDataset>& datasets() const { return datasets_; }
    /// Where expression and expression_all read from: FROM stroma_scan('…').
    void set_expression(std::string called, std::string all);
    /// Where a relation whose rows are kept elsewhere reads from.
    void set_other(const std::string& name, std::string from) { others_[name] = std::move(from); }
    /// `cells` shall have only those of the API's fields that a condition over it can name: others
    /// cost a join each.
    void keep_fields_of(std::string_view condition);
    /// The SELECT behind a relation. Asserts that is_relation(name).
    std::string select_of(std::string_view name) const;

private:
    struct FrameColumn {
        std::int64_t table_no;
        std::string frame, sql_name, type;
        std::int64_t position;
    };
    struct MergedColumn {
        std::string name, type;
        std::map<std::int64_t, std::int64_t> positions;  // by table number
    };

    std::vector<MergedColumn> merged(std::string_view frame,
                                     const std::set<std::string>& reserved) const;
    /// The rows of some datasets in one table; of none: no rows.
    std::string branch(std::string_view frame, bool with_cell_columns,
                       const std::vector<MergedColumn>& frame_columns, std::int64_t table_no,
                       const std::vector<const VisibleDataset*>& datasets) const;
    std::string union_of(std::string_view frame, bool with_cell_columns,
                         const std::set<std::string>& reserved) const;
    std::string dataset_list() const;
    std::string select_dataset() const;
    std::string select_cell(bool called_only) const;
    std::string select_cells() const;
    std::string rows_of(std::string_view table) const;
    std::string select_biology(std::string_view table) const;
    std::string select_provenance() const;
    std::string select_ledger() const;

    bool everything_ = false;
    std::vector<std::string> scope_ids_;
    std::vector<VisibleDataset> datasets_;
    /// By frame and table number; points into datasets_, whose place in memory stays.
    std::map<std::string, std::map<std::int64_t, std::vector<const VisibleDataset*>>, std::less<>>
        held_in_;
    std::vector<FrameColumn> columns_;
    std::string expression_called_, expression_all_;
    std::map<std::string, std::string, std::less<>> others_;  ///< FROM by relation
    std::set<std::string_view> unneeded_tables_;              ///< of API fields in cells
};

}  // namespace stroma::warehouse
