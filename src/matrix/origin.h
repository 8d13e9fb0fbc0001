#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/catalog.h"
#include "warehouse/warehouse.h"

namespace stroma::matrix {

/// One number of an expression matrix.
struct OriginQuestion {
    std::string cell;     ///< cellkey or cell id
    std::string gene;     ///< id, feature key or name
    std::string dataset;  ///< name or id; "" where the cell is in one dataset only
};

/// Tells where numbers came from. Any thread.
class Origins {
public:
    Origins(catalog::Catalog& catalog, warehouse::Warehouse& warehouse,
            warehouse::OpenRevision open)
        : catalog_(catalog), warehouse_(warehouse), open_(std::move(open)) {}

    /// A JSON object: the cell, the gene, each matrix's value, the dataset's revision with its
    /// sealed file and the source that it was made from; of a bundle also its id, the data file and
    /// chunk that held the number, and the way from donor to that file, each step's document too.
    /// Only of what the scope lets through. Cost: one cell is read, and the bundle's documents.
    /// errors  not_found      no such cell or gene in what may be read
    ///         invalid_input  several datasets have the cell: names them
    Result<std::string> find(const OriginQuestion& question, const warehouse::Scope& scope);

private:
    catalog::Catalog& catalog_;
    warehouse::Warehouse& warehouse_;
    warehouse::OpenRevision open_;
};

}  // namespace stroma::matrix
