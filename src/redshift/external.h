#pragma once

#include <memory>

#include "redshift/engine_session.h"

// External tables, for the rest of this folder. How they are read lies in spectrum/.

namespace stroma::redshift {

/// Who asks, on this thread, while it lives: external tables are read as them.
class AskingAs {
public:
    AskingAs(const catalog::Principal& principal, std::int64_t query);
    ~AskingAs();
    AskingAs(const AskingAs&) = delete;
    AskingAs& operator=(const AskingAs&) = delete;

private:
    const catalog::Principal* before_;
    std::int64_t query_before_;
};

/// Makes stroma_external('place') and stroma_external_reads('') known to the database.
Result<void> add_external_functions(const std::shared_ptr<sql::EmbeddedDatabase>& database,
                                    std::shared_ptr<Lake> lake, const fs::path& staging);
/// Whether it is CREATE EXTERNAL, or ALTER or DROP of an external table.
Answer<bool> is_external(EngineSession& session, const Prepared& prepared);
Answer<std::unique_ptr<Cursor>> run_external(EngineSession& session, const Prepared& prepared);

}  // namespace stroma::redshift
