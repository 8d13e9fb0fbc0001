#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "redshift/load/value_reader.h"
#include "sql/embedded_database.h"

namespace stroma::redshift {

/// A line that wasn't loaded, as stl_load_errors tells it.
struct LoadError {
    std::string file, column, type, length, raw_line, raw_value, reason;
    std::uint64_t line = 0;
    std::uint32_t position = 0;
    int code = 0;
};

/// What is loaded from one file.
struct LoadFile {
    std::string url, etag;
    std::uint64_t bytes = 0;
    std::function<Result<std::unique_ptr<ByteSource>>()> open;
    std::uint64_t lines = 0, rows = 0, errors = 0;  ///< known when it was read
};

/// Files read as rows of a table: each value as read_value() gives it, dates as integers.
class LoadScan final : public sql::TableScan {
public:
    LoadScan(std::vector<LoadFile> files, std::vector<LoadColumn> columns, CopyOptions options,
             std::vector<std::string> json_paths);
    const std::vector<sql::ScanColumn>& columns() const override { return shown_; }
    std::unique_ptr<sql::ScanRun> begin() override;
    /// What the SELECT over it makes of its columns, with commas.
    std::string select_list() const;
    const std::vector<LoadFile>& files() const { return files_; }
    const std::vector<LoadError>& errors() const { return errors_; }
    /// Whether more lines were refused than may be.
    bool has_failed() const { return has_failed_; }
    std::uint64_t rows() const { return rows_; }

private:
    class Feed;
    class Run;
    std::vector<LoadFile> files_;
    std::vector<LoadColumn> load_columns_;
    CopyOptions options_;
    std::vector<std::string> json_paths_, names_;
    std::vector<sql::ScanColumn> shown_;
    std::vector<LoadError> errors_;
    std::uint64_t rows_ = 0;
    bool has_failed_ = false;
};

}  // namespace stroma::redshift
