#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "sql/embedded_database.h"

namespace stroma::sql {

struct DuckDbOptions {
    fs::path file;         ///< "": nothing but memory
    fs::path temp_folder;  ///< where large sorts spill; "": nowhere
    std::uint64_t memory_bytes = std::uint64_t{2} << 30;
    std::uint64_t temp_bytes_max = std::uint64_t{8} << 30;
    unsigned threads = 0;  ///< 0: thread_count()
    /// Folders whose files statements may read and write although it is fenced.
    std::vector<fs::path> open_folders;
    /// begin(write) waits for nobody: whoever opens it keeps writers of one table apart.
    bool concurrent_writers = false;
    /// Each connection may change settings, its time zone say; what fences it stays.
    bool open_settings = false;
    std::string storage_version;  ///< "v1.4.0": of a file that is made; "": the engine's usual one
    bool integer_division = false;  ///< 5 / 2 is 2, as in PostgreSQL
    /// No files but its own, no network, no extensions, no settings changed: see
    /// docs/decisions/0002-user-sql-fence.md. False only for tests and the Parquet writer.
    bool fenced = true;
};

/// Opens (or creates) a DuckDB file. A second open of the same file in this process gives the
/// same instance, whatever its options: two instances on one file would destroy it.
/// errors  corrupt      the file or its log is damaged; says what to do
///         unavailable  another process has it
Result<std::shared_ptr<EmbeddedDatabase>> open_duckdb(const DuckDbOptions& options);

/// A statement as the engine understands it, without running it.
struct StatementShape {
    std::vector<std::string> parameter_types;  ///< engine's names by number; "" where unknown
    std::vector<ColumnInfo> columns;
};
/// Of a connection of open_duckdb's. errors  invalid_input
Result<StatementShape> describe_duckdb(Connection& connection, std::string_view statement);

/// Writes a file that nobody has open anew, with what is in it and none of what was deleted. After
/// a crash it is as it was; repeats are harmless.
Result<void> rewrite_duckdb(const fs::path& file);

}  // namespace stroma::sql
