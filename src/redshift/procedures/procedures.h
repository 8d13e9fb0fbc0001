#pragma once

#include <optional>
#include <string>
#include <vector>

#include "redshift/procedures/procedure_grammar.h"
#include "redshift/rights.h"
#include "redshift/table_statements.h"

// Not beyond this folder.

namespace stroma::redshift {

/// One that is kept: the statement that made it is read anew when it is called.
struct KeptProcedure {
    std::string schema, name;  ///< as they are kept
    std::string types;         ///< the engine's, of what it is called with: "INTEGER, VARCHAR"
    std::string definition;    ///< the statement that made it
    Thing thing;               ///< what rights are on
};

/// Those of that name, in the first schema of the search path that has one. errors  42883
Answer<std::vector<KeptProcedure>> procedures_named(EngineSession& session,
                                                    const std::vector<std::string>& name);

/// A value as a text, in PostgreSQL's form, and the type to cast it to; "" where it isn't known.
struct ProcedureValue {
    std::string type;
    std::optional<std::string> text;
};
/// Whether a type, in lower case, is one of whole numbers.
bool is_whole_type(std::string_view type);
/// A value of a cursor as its text.
std::optional<std::string> text_of_value(const sql::Value& value);
/// The same as SQL.
std::string literal_of(const ProcedureValue& value);
/// The first row of a query, all its values as texts; nothing where it has none.
Answer<std::optional<std::vector<ProcedureValue>>> first_row(EngineSession& session,
                                                             const std::string& query);

/// Finds what a CALL of so many values means, and runs it: gives what its OUT and INOUT arguments
/// hold at the end, in their order. The caller's transaction goes on.
/// errors  42883, 42725; 54001 calls are nested too deeply
struct CalledProcedure {
    KeptProcedure kept;
    ProcedureHead head;
};
Answer<CalledProcedure> find_called(EngineSession& session, const std::vector<std::string>& name,
                                    std::size_t values);
Answer<std::vector<ProcedureValue>> call_procedure(EngineSession& session,
                                                   const CalledProcedure& called,
                                                   std::vector<ProcedureValue> given);
/// Runs a body. `may_commit`: COMMIT and ROLLBACK may stand in it.
Answer<std::vector<ProcedureValue>> run_body(EngineSession& session, const CalledProcedure& called,
                                             std::vector<ProcedureValue> given, bool may_commit);

}  // namespace stroma::redshift
