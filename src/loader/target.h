#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "loader/config.h"
#include "loader/dialect.h"
#include "loader/notices.h"
#include "redshift/engine_session.h"
#include "redshift/table_statements.h"

namespace stroma::loader {

/// A file of a load, as it is when it is loaded.
struct StagedFile {
    Notice notice;
    std::string etag;
    std::uint64_t bytes = 0;
    std::int64_t modified_ms = 0;
    std::int64_t rows = 0;    ///< known after COPY
    std::int64_t number = 0;  ///< in its load
    std::string url() const { return "s3://" + notice.bucket + "/" + notice.key; }
};

/// A column that is loaded into. `engine_type` says how its values are read.
struct TargetColumn : redshift::TableColumn {
    std::string sql_type;  ///< as the table's database calls it
};

/// A table that is loaded into, inside its transaction.
struct Target {
    redshift::TableName table;
    redshift::TableAttributes attributes;
    std::vector<TargetColumn> columns;  ///< without those that number themselves
    std::string order;    ///< the ORDER BY of its sort key, without the words; "" for none
    std::string staging;  ///< the staging table as SQL
    const TargetColumn* column(const std::string& name) const;
    std::string list() const;  ///< "a", "b"
};
/// errors  42703  one of the merge's columns isn't there
redshift::Answer<void> check_columns(const Target& target, const MergeOptions& merge);

/// A COPY into the staging table.
struct StagingCopy {
    std::string statement;  ///< as a cluster is told
    std::vector<StagedFile*> files;
    std::string changed;  ///< set at an error: the file that was overwritten meanwhile
};

/// The database that tables lie in, for one thread's loads: a transaction at a time, in which rows
/// and ledger become true together.
class TargetSession {
public:
    virtual ~TargetSession() = default;
    virtual const Dialect& dialect() const = 0;
    /// `name` is the load's statement name, for whoever watches the database.
    virtual redshift::Answer<void> begin(const std::string& name) = 0;
    /// Waits for whoever writes the table. What is read afterwards is what they left.
    virtual redshift::Answer<void> lock(const redshift::TableName& table) = 0;
    virtual redshift::Answer<void> commit() = 0;
    virtual void roll_back() = 0;
    /// Ends what runs; any thread.
    virtual void cancel() = 0;
    /// errors  42P01, 42501;  42703 (of the merge's columns)
    virtual redshift::Answer<Target> find(const std::string& table, const MergeOptions& merge) = 0;
    /// An empty table of the same columns, which is this session's alone.
    virtual redshift::Answer<void> make_staging(const Target& target) = 0;
    /// Brings the files' rows into the staging table and sets their `rows`.
    virtual redshift::Answer<void> copy(const Target& target, StagingCopy& copy) = 0;
    /// `type` is Redshift's.
    virtual redshift::Answer<void> add_column(const Target& target, const std::string& name,
                                              const std::string& type) = 0;
    /// Notes the staged rows that `is_absent` (a condition) takes among the errors: `name_of` is
    /// the CASE that gives the column that is missing.
    virtual redshift::Answer<void> note_absent(const Target& target, const std::string& is_absent,
                                               const std::string& name_of, const std::string& now,
                                               const std::vector<StagedFile>& files) = 0;
    virtual redshift::Answer<void> put_rows(const std::string& table,
                                            const std::vector<std::vector<sql::Value>>& rows) = 0;
    virtual redshift::Answer<std::int64_t> change(std::string_view sql,
                                                  std::span<const sql::Value> values = {}) = 0;
    virtual redshift::Answer<std::unique_ptr<sql::Rows>> query(
        std::string_view sql, std::span<const sql::Value> values = {}) = 0;
    /// The engine's session, which reads files.
    virtual redshift::EngineSession& reader() = 0;
    /// The values of the first row as texts; nothing where there is no row, null or an empty one.
    redshift::Answer<std::vector<std::optional<std::string>>> first_row(const std::string& sql);
};

/// The user database of this process.
std::unique_ptr<TargetSession> engine_target(std::unique_ptr<redshift::Session> session);
/// A server elsewhere, in whose transactions tables and ledger lie; `reader` opens the objects.
/// The database outlives it.
std::unique_ptr<TargetSession> server_target(sql::Database& database, const Dialect& dialect,
                                             std::unique_ptr<redshift::Session> reader);

}  // namespace stroma::loader
