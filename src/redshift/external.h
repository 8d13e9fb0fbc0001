#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "redshift/engine_session.h"
#include "redshift/outside/outside_tables.h"

// External tables, and relations of somebody else, for the rest of this folder. How they are read
// lies in spectrum/.

namespace stroma::redshift {

/// Who asks, on this thread, while it lives: external tables are read as them.
class AskingAs {
public:
    AskingAs(const catalog::Principal& principal, std::int64_t query);
    ~AskingAs();
    /// Null where nobody asks.
    static const catalog::Principal* who();
    AskingAs(const AskingAs&) = delete;
    AskingAs& operator=(const AskingAs&) = delete;

private:
    const catalog::Principal* before_;
    std::int64_t query_before_;
};

struct RowConditions;

/// Of Parquet's row groups those are left out, on this thread while it lives, that hold no row for
/// the statement of these tokens, as its conditions and the groups' statistics say.
class AskingFor {
public:
    explicit AskingFor(std::span<const Token> tokens);
    ~AskingFor();
    AskingFor(const AskingFor&) = delete;
    AskingFor& operator=(const AskingFor&) = delete;

private:
    std::unique_ptr<const RowConditions> conditions_;
    const RowConditions* before_;
};

/// Makes stroma_external('place') and stroma_external_reads('') known to the database.
Result<void> add_external_functions(const std::shared_ptr<sql::EmbeddedDatabase>& database,
                                    std::shared_ptr<Lake> lake, const fs::path& staging);
/// Whether it is CREATE EXTERNAL, or ALTER or DROP of an external table.
Answer<bool> is_external(EngineSession& session, const Prepared& prepared);
Answer<std::unique_ptr<Cursor>> run_external(EngineSession& session, const Prepared& prepared);
/// Whether an INSERT's rows become objects.
Answer<bool> is_external_target(EngineSession& session, const TableName& table);
/// errors  0A000  a list of columns, parameters, a format that can't be written
///         25001  inside a transaction block
Answer<std::unique_ptr<Cursor>> insert_external(EngineSession& session, const Prepared& prepared);
/// What stands for an external table in a statement that asks for "$path" or "$size", to the name
/// "relation schema.table"; everything else is asked of `ask`.
std::function<std::optional<std::string>(std::string_view)> with_external_relations(
    EngineSession& session, std::function<std::optional<std::string>(std::string_view)> ask);

/// Makes stroma_outside('relation') known, and a view over each relation, for everybody to read. A
/// right that was taken away stays away; a user's own table of that name hides the relation.
Result<void> add_outside(sql::EmbeddedDatabase& database, sql::Connection& connection,
                         std::shared_ptr<OutsideTables> tables);

/// What runs on this thread, while it lives: outside relations are read for it.
class OutsideReading {
public:
    /// Looks into the session's tables where that decides what may be left out.
    OutsideReading(EngineSession& session, std::string_view sql,
                   std::span<const sql::Value> values);
    ~OutsideReading();
    OutsideReading(const OutsideReading&) = delete;
    OutsideReading& operator=(const OutsideReading&) = delete;

private:
    OutsideQuestion question_;
    const OutsideQuestion* before_;
};

}  // namespace stroma::redshift
