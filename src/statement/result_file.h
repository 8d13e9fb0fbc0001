#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "redshift/session.h"
#include "statement/statement.h"
#include "statement/statements.h"

// A result in a file: what its columns are, then pages of rows, each with its length before it.
// Private to this folder.

namespace stroma::statement {

/// "int4", "varchar": what Redshift calls a type in answers.
std::string_view type_name(std::uint32_t oid);

struct ResultLimits {
    std::uint64_t result_bytes_max = 0, row_bytes_max = 0, page_bytes = 0;
};

/// Writes a result; the file is there when finish() returns, and goes when that isn't called.
class ResultWriter {
public:
    static Result<ResultWriter> create(const fs::path& path, ResultFormat format,
                                       const std::vector<redshift::Column>& columns,
                                       ResultLimits limits);
    ResultWriter(ResultWriter&&) noexcept = default;
    ~ResultWriter();
    /// The cursor's current row. errors  exhausted  the row or the result is too large
    Result<void> add(const redshift::Cursor& row);
    /// Gives the bytes of all rows.
    Result<std::int64_t> finish();

private:
    ResultWriter(fs::path path, ResultFormat format, std::vector<redshift::Column> columns,
                 ResultLimits limits)
        : path_(std::move(path)), format_(format), columns_(std::move(columns)), limits_(limits) {}
    Result<void> put_page();
    void write_row(const redshift::Cursor& row);

    fs::path path_;
    ResultFormat format_;
    std::vector<redshift::Column> columns_;
    ResultLimits limits_;
    File file_;
    std::uint64_t at_ = 0, bytes_ = 0;
    std::string page_;
    bool is_finished_ = false;
};

/// errors  not_found  the file is gone;  invalid_input  no page begins there
Result<Page> read_page(const fs::path& path, std::uint64_t at);

}  // namespace stroma::statement
