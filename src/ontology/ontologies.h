#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "ontology/terms.h"
#include "sql/database.h"

namespace stroma::ontology {

struct ImportedOntology {
    std::string prefix, version;
    std::int64_t terms = 0, imported_ms = 0;
};

/// The ontologies of a site: those that were read in, over the starter table. Any thread.
class Ontologies {
public:
    static Result<std::unique_ptr<Ontologies>> open(sql::Database& control, const Clock& clock);

    /// Reads a file (read_terms) and puts it in the place of the ontology of the same prefix.
    Result<ImportedOntology> import(std::string_view text);
    /// errors  not_found
    Result<void> remove(std::string_view prefix);
    Result<std::vector<ImportedOntology>> list();
    /// All terms as they are now. Cost: once after each change, all of them are read.
    Result<std::shared_ptr<const Terms>> terms();

private:
    Ontologies(sql::Database& control, const Clock& clock) : control_(control), clock_(clock) {}
    Result<std::shared_ptr<const Terms>> read();

    sql::Database& control_;
    const Clock& clock_;
    std::mutex mutex_;
    std::shared_ptr<const Terms> terms_;
};

}  // namespace stroma::ontology
