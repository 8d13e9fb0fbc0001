#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "sql/database.h"

// What an engine that lives in our process can do beyond sql::Database: read rows that C++ code
// makes, and look after its own file. Nothing here names the engine.

namespace stroma::sql {

/// Where a feed puts its rows: up to row_max() of them, column by column. Columns are numbered as
/// TableScan::columns() lists them; only wanted ones may be filled.
class RowSink {
public:
    virtual ~RowSink() = default;
    virtual std::size_t row_max() const = 0;
    virtual std::int64_t* integers(std::size_t column) = 0;  ///< row_max() values to fill
    virtual double* reals(std::size_t column) = 0;
    virtual bool* booleans(std::size_t column) = 0;
    virtual void set_text(std::size_t column, std::size_t row, std::string_view text) = 0;
    /// The same text for every row of this batch: cheaper than setting it row by row.
    virtual void set_all_text(std::size_t column, std::string_view text) = 0;
    virtual void set_null(std::size_t column, std::size_t row) = 0;
};

/// One thread's share of a scan. Used by one thread at a time.
class RowFeed {
public:
    virtual ~RowFeed() = default;
    /// Puts up to sink.row_max() rows in and says how many; 0 is the end.
    virtual Result<std::size_t> fill(RowSink& sink) = 0;
};

struct ScanColumn {
    std::string name;
    Type type = Type::text;  ///< boolean, integer (64 bits), real (double) or text
};

/// One reading of all rows, shared by its threads.
class ScanRun {
public:
    virtual ~ScanRun() = default;
    /// A feed for one more thread; `wanted` holds the columns the statement uses, rising.
    virtual Result<std::unique_ptr<RowFeed>> start(std::span<const std::uint32_t> wanted) = 0;
};

/// Rows that C++ code makes; a statement may read them several times. Any thread.
class TableScan {
public:
    virtual ~TableScan() = default;
    virtual const std::vector<ScanColumn>& columns() const = 0;
    /// About how many rows will come, for the engine's planner.
    virtual std::optional<std::uint64_t> row_estimate() const { return std::nullopt; }
    virtual std::size_t thread_max() const { return 1; }
    /// A reading from the first row. The scan outlives it.
    virtual std::unique_ptr<ScanRun> begin() = 0;
};

/// Makes the scan for the text that a statement gives: FROM name('argument').
using TableFunction = std::function<Result<std::shared_ptr<TableScan>>(std::string_view argument)>;

/// A database inside this process that keeps one file, or nothing but memory.
class EmbeddedDatabase : public Database {
public:
    /// Makes `name('text')` usable as a relation on every connection, from now on.
    virtual Result<void> add_table_function(const std::string& name, TableFunction function) = 0;
    /// Runs one statement on a connection of this database, as Connection::execute does.
    /// errors  invalid_input  a parameter without a value, a value without a parameter: names it
    virtual Result<std::unique_ptr<Rows>> execute_named(Connection& connection,
                                                        std::string_view statement,
                                                        const NamedValues& values) = 0;
    /// Brings the log into the file. Waits for the open write transaction.
    virtual Result<void> checkpoint() = 0;
    /// A consistent copy, which opens by itself, while readers go on; writers wait.
    /// errors  already_exists  something is at `path`
    virtual Result<void> backup_to(const fs::path& path) = 0;
    /// Reads every stored row of every table. errors  corrupt
    virtual Result<void> verify() = 0;
    /// Writes a scan's rows, in order when it has one thread, as one Parquet file (zstd). Columns
    /// are called by `names` and stored as `engine_types` where those say something, else as the
    /// scan has them; a scan may give text for any type.
    /// Gives the rows. Done by an engine of its own, so that this one needs no file access.
    virtual Result<std::uint64_t> write_parquet(std::shared_ptr<TableScan> rows,
                                                const std::vector<std::string>& names,
                                                const std::vector<std::string>& engine_types,
                                                const fs::path& path) = 0;
    /// While the given thing lives, a statement that begins is worked on by the thread that asks
    /// for it alone, with that thread's priority; else by as many as there are processors, with the
    /// priority of whoever opened the database. Waits up to 50 ms.
    [[nodiscard]] virtual std::shared_ptr<void> without_helpers() = 0;
    /// Share of the connection's running statement that is done, 0 to 1; unset when not known.
    virtual std::optional<double> progress(Connection& connection) = 0;
};

}  // namespace stroma::sql
