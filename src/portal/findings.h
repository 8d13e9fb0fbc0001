#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "expression/sealed_dataset.h"
#include "ontology/terms.h"

// Private to this folder: what the checks of validate() share.

namespace stroma::portal {

/// Rows of one kind of fault.
struct FaultyRows {
    std::uint64_t rows = 0, first = 0;
    void add(std::uint64_t row) {
        if (rows++ == 0) first = row;
    }
};

struct Finding {
    std::string where, column, value, message;
    std::optional<FaultyRows> rows;
    std::string first_id;
};

/// A dataset under examination: its tables are read once.
struct Examined {
    const expression::SealedDataset& dataset;
    const ontology::Terms& terms;
    const expression::Watch& watch;
    expression::TextArray cell_ids, gene_ids;
    expression::Frame var;
    expression::Dict uns, obsm;
    std::vector<std::string> obs_columns;
};

/// One rule at work: takes what it finds.
class RuleRun {
public:
    RuleRun(const Examined& examined, const nlohmann::ordered_json& rule)
        : examined_(examined), rule_(rule) {}

    const Examined& examined() const { return examined_; }
    const nlohmann::ordered_json& rule() const { return rule_; }
    std::string text(std::string_view member) const;  ///< of the rule; "" when it isn't there
    std::vector<std::string> texts(std::string_view member) const;

    void find(Finding finding);
    void find_rows(std::string where, std::string column, std::string value, std::string message,
                   FaultyRows rows);

    std::vector<Finding> findings;
    std::uint64_t more = 0;          ///< findings past the limit
    std::set<std::string> prefixes;  ///< of the terms that were looked at

private:
    const Examined& examined_;
    const nlohmann::ordered_json& rule_;
};

using Check = Result<void> (*)(RuleRun&);

/// Those that look at one column's values, or whether it is there.
Result<void> check_column(RuleRun& run);
Result<void> check_any_column(RuleRun& run);
Result<void> check_reserved(RuleRun& run);
Result<void> check_column_names(RuleRun& run);
/// uns["spatial"]; with "library" what lies under the spots of a single section.
Result<void> check_spatial(RuleRun& run);

/// For each row whether a rule's "when" and "unless" let it be looked at.
Result<std::vector<bool>> rows_in_question(const RuleRun& run);

/// A column's values by number, and each row's (-1: missing).
struct DistinctValues {
    std::vector<std::string> values;
    std::vector<std::int32_t> of_row;
};
DistinctValues distinct_values(const expression::Column& column);

}  // namespace stroma::portal
