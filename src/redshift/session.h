#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/principal.h"
#include "redshift/failure.h"
#include "redshift/statement.h"
#include "sql/database.h"

// The contract between whoever speaks a protocol (PostgreSQL's wire, the Data API, the loader) and
// the Redshift dialect. Read engine.h for how sessions are made.

namespace stroma::redshift {

/// A column of an answer, or of a table.
struct Column {
    std::string name;
    std::string engine_type;        ///< "DECIMAL(18,3)": as the engine names it
    std::uint32_t type_oid = 1043;  ///< PostgreSQL's number of the type
    std::int32_t typmod = -1;
    std::int16_t size = -1;  ///< bytes of a value of fixed size, else -1
};

/// A statement that was understood. Immutable; may be opened again and again, in the session that
/// made it. What changes under it (a dropped table) shows when it is opened.
struct Prepared {
    Statement statement;
    std::vector<std::uint32_t> parameters;  ///< type oids of $1, $2…; 25 (text) where unknown
    std::vector<Column> columns;            ///< empty where it gives no rows
    struct Plan;
    std::shared_ptr<const Plan> plan;
};

/// The answer of one statement, read forwards, by the session's thread. Dropping it early is fine.
/// A statement that gives no rows has been carried out when open() returns.
class Cursor {
public:
    virtual ~Cursor() = default;
    virtual const std::vector<Column>& columns() const = 0;
    /// Moves to the next row; false at the end.
    virtual Answer<bool> next() = 0;
    /// The value in the current row: booleans, integers, reals as such; all else as text, in
    /// PostgreSQL's form ("2026-11-22 04:40:00", "{1,2}", bytes of a varbyte column raw).
    virtual sql::Value value(std::size_t column) const = 0;
    /// For the command tag: rows read so far, or rows changed.
    virtual std::int64_t rows() const = 0;
    std::string tag() const { return made_tag.empty() ? command_tag(kind, rows()) : made_tag; }
    StatementKind kind = StatementKind::select;
    std::string made_tag;  ///< set where the tag isn't the kind's: "ROLLBACK" of a failed COMMIT
};

/// COPY … FROM STDIN: bytes of the format that the statement names. Dropping it abandons it.
class CopyIn {
public:
    virtual ~CopyIn() = default;
    virtual std::size_t columns() const = 0;
    virtual bool is_binary() const = 0;
    /// Those that values are given for, in their order.
    virtual const std::vector<Column>& shape() const = 0;
    /// Where is_binary(): lines of the text format. How values lie in binary the protocol knows.
    virtual Answer<void> write(std::string_view bytes) = 0;
    /// All bytes came: gives the rows loaded.
    virtual Answer<std::int64_t> finish() = 0;
    /// The client gave up; nothing is loaded, and the statement counts as failed (57014).
    virtual void abandon(std::string_view why) = 0;
};

/// Appends a value that is not null as a client reads it.
using ValueText =
    std::function<void(std::string& out, const sql::Value& value, const Column& column)>;

/// COPY … TO STDOUT.
class CopyOut {
public:
    virtual ~CopyOut() = default;
    /// How values are written where they are text; before the first read().
    virtual void write_values_by(ValueText text) = 0;
    virtual std::size_t columns() const = 0;
    virtual bool is_binary() const = 0;
    /// Where is_binary(): the rows, in the place of read().
    virtual Cursor& cursor() = 0;
    /// The next piece, of whole rows; "" at the end.
    virtual Answer<std::string> read() = 0;
    virtual std::int64_t rows() const = 0;
};

enum class TransactionState { idle, in_transaction, failed };

struct Notice {
    std::string severity = "INFO";  ///< INFO, NOTICE, WARNING
    std::string sqlstate = "00000";
    std::string message;
};

/// Who connects.
struct SessionOptions {
    catalog::Principal principal;
    std::string user = "admin";      ///< role name
    std::string database = "dev";    ///< the one that there is
    std::string application;         ///< application_name
    std::string driver{}, system{};  ///< as drivers of Redshift tell of themselves, and of theirs
    std::string remote{};            ///< "127.0.0.1": whence the client came; "" for none
    std::int32_t process = 0;        ///< pg_backend_pid(); unique among open sessions
    /// May everything, as the local administrator always may; others what is theirs or granted.
    bool is_superuser = false;
    /// The site itself acts, by what an administrator configured: a superuser, who reads objects as
    /// the principal may.
    bool by_site = false;
    /// Called when another session ends this one, by any thread: its client is hung up on.
    std::function<void()> hang_up{};
};

/// By name; "" is the wire's unnamed one.
using PreparedStatements = std::map<std::string, std::shared_ptr<const Prepared>, std::less<>>;

/// One client connection. Used by one thread at a time, but for cancel().
class Session {
public:
    virtual ~Session() = default;

    /// Understands a statement, without running it. `hints` are the parameters' type oids where
    /// the client told them, 0 for unknown.
    virtual Answer<std::shared_ptr<const Prepared>> prepare(
        const Statement& statement, std::span<const std::uint32_t> hints = {}) = 0;
    /// Runs it: rows come from the cursor. Values may be text for any type.
    /// errors  25P02  the transaction has failed: only ROLLBACK and COMMIT (which then rolls back)
    ///         40001  a concurrent change won: the transaction may be tried again
    ///         57014  cancel() was called
    virtual Answer<std::unique_ptr<Cursor>> open(const Prepared& prepared,
                                                 std::span<const sql::Value> values = {}) = 0;
    /// prepare and open, for a statement without parameters.
    Answer<std::unique_ptr<Cursor>> run(const Statement& statement);

    virtual Answer<std::unique_ptr<CopyIn>> copy_in(const Prepared& prepared) = 0;
    virtual Answer<std::unique_ptr<CopyOut>> copy_out(const Prepared& prepared) = 0;

    /// Statements from here to close_group() are one transaction, unless BEGIN or COMMIT among them
    /// say otherwise: a simple query of several statements, a pipeline up to its Sync, a batch.
    virtual void open_group() = 0;
    /// Commits the group's implicit transaction; rolls it back when a statement of it failed.
    virtual Answer<void> close_group() = 0;

    virtual TransactionState state() const = 0;
    /// Whatever is open is rolled back; prepared statements and settings stay.
    virtual void roll_back() = 0;

    /// Ends what runs, from any thread. Nothing happens when nothing runs.
    virtual void cancel() = 0;

    /// What there is to tell beside answers since the last call.
    virtual std::vector<Notice> take_notices() = 0;
    /// Those of SQL's PREPARE and of the wire alike: DEALLOCATE ends either.
    virtual PreparedStatements& prepared_statements() = 0;
    /// Of a cursor that DECLARE made; null when there is none of that name.
    virtual const std::vector<Column>* cursor_columns(std::string_view name) const = 0;
    /// A setting's value (SHOW name), "" and nothing for unknown ones.
    virtual std::optional<std::string> setting(std::string_view name) const = 0;
    /// As SET name TO value. errors  22023 a value that it can't have
    virtual Answer<void> set(std::string_view name, std::string_view value) = 0;
    /// Settings whose change a client is told (ParameterStatus) since the last call.
    virtual std::map<std::string, std::string> take_changed_settings() = 0;

    virtual const SessionOptions& options() const = 0;

    /// What commits from here on changes something under this name: the two become true together.
    /// "" for none. Engine::marks() tells which names did.
    virtual void mark(std::string name) = 0;
    /// The number of the statement that was opened last, as stl_query has it; 0 before the first.
    virtual std::int64_t query_number() const = 0;
};

}  // namespace stroma::redshift
