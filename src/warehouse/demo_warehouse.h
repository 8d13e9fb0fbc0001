#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "warehouse/warehouse.h"

namespace stroma::warehouse::testing {

/// A small matrix of counts: 40 cells, 12 genes; a value at every place that its formula names.
struct DemoMatrix {
    std::vector<std::uint32_t> cells, genes;
    std::vector<std::int64_t> values;
    std::int64_t sum() const;
    std::int64_t sum_of_gene(std::uint32_t gene) const;
    std::int64_t product_of_genes(std::uint32_t a, std::uint32_t b) const;
};

/// A warehouse in memory whose sealed datasets are small matrices made by a formula.
class DemoWarehouse {
public:
    DemoWarehouse();

    /// A dataset with obs of the CELLxGENE schema; `text_scores` gives obs/score another type.
    LoadReport load(const std::string& dataset, const std::string& revision, std::int64_t number,
                    bool text_scores = false);
    /// An Optimus bundle with biology rows of its own.
    LoadReport load_bundle(const std::string& uuid, const std::string& revision);
    bool try_load_with_unknown_column(const std::string& dataset, const std::string& revision);

    /// Another warehouse over the same database, as after a restart.
    void reopen();

    /// The answer, columns joined by '|' and rows by newlines.
    std::string text(const std::string& statement) { return text(statement, everything); }
    std::string text(const std::string& statement, const Scope& scope);
    /// The error that the statement ends with; code corrupt and "no error" when it ends well.
    Error error_of(const std::string& statement, const QueryLimits& limits = {});
    const DemoMatrix& matrix(const std::string& revision) const { return matrices_.at(revision); }

    Scope everything;
    ManualClock clock;
    std::shared_ptr<sql::Database> database;
    std::unique_ptr<Warehouse> warehouse;

private:
    std::map<std::string, DemoMatrix> matrices_;
};

}  // namespace stroma::warehouse::testing
