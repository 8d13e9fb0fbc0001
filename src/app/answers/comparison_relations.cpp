#include "app/answers/comparison_relations.h"

#include "base/context.h"
#include "base/json.h"
#include "warehouse/frame_scan.h"
#include "warehouse/other_relation.h"

namespace stroma::app {
namespace {

using Names = warehouse::OtherRelation::Names;

Result<std::vector<explorer::ComparisonRecord>> records_of(
    explorer::Comparisons& comparisons, const std::vector<std::string>& revisions,
    const Names& keys) {
    auto records = TRY(comparisons.done(revisions));
    if (keys) std::erase_if(records, [&](const auto& one) { return !keys->contains(one.id); });
    return records;
}

/// The list of comparisons. Its values lie with the scan.
class ListScan final : public sql::TableScan {
public:
    explicit ListScan(const std::vector<explorer::ComparisonRecord>& records) {
        for (const auto& record : records) add(record);
        std::vector<warehouse::ScannedColumn> columns;
        for (std::size_t at = 0; at < std::size(names); ++at) {
            const bool is_number = at >= first_number;
            columns.push_back({.name = names[at],
                               .sql_type = is_number ? "BIGINT" : "VARCHAR",
                               .values = &values_[at]});
        }
        rows_ = warehouse::scan_parts({{std::move(columns), records.size()}});
    }
    const std::vector<sql::ScanColumn>& columns() const override { return rows_->columns(); }
    std::optional<std::uint64_t> row_estimate() const override { return rows_->row_estimate(); }
    std::unique_ptr<sql::ScanRun> begin() override { return rows_->begin(); }

private:
    static constexpr const char* names[] = {"comparison", "revision",    "test",    "layer",
                                            "scale",      "created",     "cells_a", "cells_b",
                                            "genes",      "genes_tested"};
    static constexpr std::size_t first_number = 6;

    void add(const explorer::ComparisonRecord& record) {
        const auto parsed = parse_json(record.summary);
        const Json told = parsed && parsed->is_object() ? *parsed : Json::object();
        std::size_t at = 0;
        values_[at++].emplace_back(record.id);
        values_[at++].emplace_back(record.order.revision);
        for (const char* name : {"test", "layer", "scale"})
            values_[at++].emplace_back(told.value(name, ""));
        values_[at++].emplace_back(iso_time(record.created_ms));
        for (; at < std::size(names); ++at)
            values_[at].emplace_back(told.value(names[at], std::int64_t{0}));
    }

    std::vector<sql::Value> values_[std::size(names)];
    std::shared_ptr<sql::TableScan> rows_;
};

}  // namespace

void add_comparison_relations(warehouse::Warehouse& warehouse, explorer::Comparisons& comparisons) {
    add_relation(
        warehouse,
        {"comparison", "comparison",
         [&comparisons](const std::vector<std::string>& revisions, const Names& keys,
                        const warehouse::Scope&) -> Result<std::shared_ptr<sql::TableScan>> {
             return std::make_shared<ListScan>(TRY(records_of(comparisons, revisions, keys)));
         }});
    add_relation(
        warehouse,
        {"comparison_gene", "comparison",
         [&comparisons](const std::vector<std::string>& revisions, const Names& keys,
                        const warehouse::Scope&) -> Result<std::shared_ptr<sql::TableScan>> {
             return comparisons.rows_of(TRY(records_of(comparisons, revisions, keys)));
         }});
}

}  // namespace stroma::app
