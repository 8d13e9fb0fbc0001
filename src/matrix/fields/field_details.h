#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "matrix/fields/fields.h"
#include "warehouse/warehouse.h"

namespace stroma::matrix {

/// How many cells have each value of a field, or its range.
struct FieldDetail {
    std::string name, description;
    bool numeric = false;
    double minimum = 0, maximum = 0;
    /// In falling order of cells; null is "", booleans are "True" and "False".
    std::vector<std::pair<std::string, std::int64_t>> cell_counts;
};

/// Details of fields over the called cells of a scope. What was counted is kept until the warehouse
/// changes: portals ask the same for every visitor. Any thread.
class FieldDetails {
public:
    explicit FieldDetails(warehouse::Warehouse& warehouse) : warehouse_(warehouse) {}

    Result<std::shared_ptr<const FieldDetail>> of(const Field& field,
                                                  const warehouse::Scope& scope);

private:
    Result<FieldDetail> count(const Field& field, const warehouse::Scope& scope);
    void keep(std::uint64_t version, const std::string& key,
              const std::shared_ptr<const FieldDetail>& detail);

    warehouse::Warehouse& warehouse_;
    std::mutex mutex_;
    std::uint64_t version_ = 0;
    std::map<std::string, std::shared_ptr<const FieldDetail>> kept_;  // by field and scope
    std::size_t values_ = 0;
};

}  // namespace stroma::matrix
