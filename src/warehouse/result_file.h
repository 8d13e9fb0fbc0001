#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "sql/embedded_database.h"

namespace stroma::warehouse {

/// Writes all rows to `path`, which must not exist, and gives their number. A failure leaves a
/// file that must be thrown away.
/// CSV: RFC 4180 with \n; a text that a spreadsheet would take for a formula gets a ' in front.
Result<std::uint64_t> write_csv(sql::Rows& rows, const fs::path& path);
/// An array of objects, one a line; NaN and infinities are null.
Result<std::uint64_t> write_json(sql::Rows& rows, const fs::path& path);
/// Arrow IPC file (Feather version 2), record batches of 65,536 rows, uncompressed. `settled` is
/// told how many bytes are in the file, as they become more.
Result<std::uint64_t> write_arrow(sql::Rows& rows, const fs::path& path,
                                  std::function<void(std::uint64_t bytes)> settled = {});
Result<std::uint64_t> write_parquet(sql::EmbeddedDatabase& engine, sql::Rows& rows,
                                    const fs::path& path);

/// A file that is filled from its beginning.
class SequentialFile {
public:
    static Result<SequentialFile> create(const fs::path& path,
                                         std::function<void(std::uint64_t bytes)> settled = {});
    Result<void> write(std::string_view text);
    Result<void> finish();
    std::uint64_t written() const { return written_; }

private:
    Result<void> flush();
    File file_;
    std::function<void(std::uint64_t)> settled_;
    std::string buffer_;
    std::uint64_t flushed_ = 0, written_ = 0;
};

}  // namespace stroma::warehouse
