#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace stroma::sql {

/// One value of a row or of a parameter. Bytes are given as text of Type::blob.
/// Types the engine has beyond these (decimal, timestamp, list...) come as their text.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

/// Values of a statement's parameters by name: "name" for $name, "1", "2"… for $1 and, in order, ?.
using NamedValues = std::map<std::string, Value, std::less<>>;

enum class Type { null, boolean, integer, real, text, blob };

struct ColumnInfo {
    std::string name;
    Type type = Type::text;
    std::string engine_type;  ///< as the engine names it: "VARCHAR", "DECIMAL(18,3)", "BIGINT[]"
};

/// The answer of a statement, read forwards. Holds its connection until it goes.
class Rows {
public:
    virtual ~Rows() = default;
    virtual const std::vector<ColumnInfo>& columns() const = 0;
    /// Moves to the next row; false at the end.
    virtual Result<bool> next() = 0;
    /// The value in the current row.
    virtual Value value(std::size_t column) const = 0;
    /// Rows changed by an INSERT, UPDATE or DELETE; 0 else.
    virtual std::int64_t rows_changed() const = 0;

    bool is_null(std::size_t column) const;
    /// The value as that type; a null gives 0, "" or false. Asserts on another type.
    std::int64_t integer(std::size_t column) const;
    double real(std::size_t column) const;
    std::string text(std::size_t column) const;
    bool boolean(std::size_t column) const;
};

/// What an engine can do beyond the least; asked by name, never by engine.
struct Abilities {
    bool concurrent_writers = false;  ///< else begin() waits for the one writer
    bool columnar = false;            ///< bulk loads through Appender are fast
    bool interruptible = false;
};

/// Rows put into one table quickly, column types as the table has them. Visible when the
/// connection's transaction commits.
class Appender {
public:
    virtual ~Appender() = default;
    virtual Result<void> append(std::span<const Value> row) = 0;
    virtual Result<void> finish() = 0;
};

enum class TransactionKind {
    read,   ///< a snapshot; a write in it fails
    write,  ///< waits until no other write transaction of this database is open
};

/// One connection. Used by one thread at a time, except interrupt(), which any thread may call.
/// A statement outside begin()…commit() is a transaction of its own.
class Connection {
public:
    virtual ~Connection() = default;
    /// Runs one statement; `?` stand for the parameters in order.
    /// errors  invalid_input  syntax, types, unknown names     conflict   a concurrent change won
    ///         already_exists a key is taken                   cancelled  interrupt() was called
    ///         exhausted      memory or disk                   corrupt    the file is damaged
    virtual Result<std::unique_ptr<Rows>> execute(std::string_view statement,
                                                  std::span<const Value> parameters = {}) = 0;
    /// Runs a script of several statements without parameters; stops at the first error.
    virtual Result<void> run_script(std::string_view statements) = 0;
    virtual Result<void> begin(TransactionKind kind) = 0;
    /// Durable when it returns. Fails (and rolls back) if any statement since begin() failed.
    virtual Result<void> commit() = 0;
    virtual void rollback() = 0;
    virtual Result<std::unique_ptr<Appender>> append_to(std::string_view table) = 0;
    virtual void interrupt() = 0;

    Result<std::unique_ptr<Rows>> execute(std::string_view statement,
                                          std::initializer_list<Value> parameters) {
        return execute(statement, std::span<const Value>(parameters.begin(), parameters.size()));
    }
    /// execute and drop the rows. Gives rows_changed().
    Result<std::int64_t> change(std::string_view statement,
                                std::initializer_list<Value> parameters = {});
    /// begin(write), work, commit; rolls back when work fails.
    Result<void> in_transaction(const std::function<Result<void>()>& work);
};

/// A database file or server: hands out connections. Any thread.
class Database {
public:
    virtual ~Database() = default;
    virtual Result<std::unique_ptr<Connection>> connect() = 0;
    virtual Abilities abilities() const = 0;
};

}  // namespace stroma::sql
