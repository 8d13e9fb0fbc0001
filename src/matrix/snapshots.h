#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "matrix/difference.h"
#include "matrix/request_store.h"
#include "object/object_store.h"

namespace stroma::matrix {

/// What was current at some time: a revision of a dataset, or the cells of a result. Any thread.
class Snapshots {
public:
    Snapshots(catalog::Catalog& catalog, RequestStore& requests, object::ObjectStore& objects,
              warehouse::OpenRevision open)
        : catalog_(catalog), requests_(requests), objects_(objects), open_(std::move(open)) {}

    /// A snapshot is called "dataset" (its current revision), "dataset@2" or by a result's id.
    /// JSON: how many cells are unchanged, added, removed, changed, and the first 1,000 of each.
    /// errors  not_found  no such snapshot, or one that the principal may not read
    Result<std::string> difference(std::string_view before, std::string_view after,
                                   const catalog::Principal& principal,
                                   const expression::Watch& watch);

private:
    Result<std::vector<SelectionInput>> inputs_of(std::string_view name,
                                                  const catalog::Principal& principal);
    Result<SelectionInput> input_of(const catalog::Dataset& dataset, std::string_view revision,
                                    std::vector<std::uint32_t> cells);

    catalog::Catalog& catalog_;
    RequestStore& requests_;
    object::ObjectStore& objects_;
    warehouse::OpenRevision open_;
};

}  // namespace stroma::matrix
