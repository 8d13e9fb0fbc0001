#pragma once

#include <memory>
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
    std::shared_ptr<LakeReader> object;  ///< whose bytes they are; null for what a client sends
    bool is_sent = false;                ///< its bytes come when a client sends them, and once
    std::uint64_t lines = 0, rows = 0, errors = 0;  ///< known when it was read
};

/// Files read as rows of a table: each value as read_value() gives it, dates as integers. Several
/// threads take blocks of records in turn; what is refused, what fails the load and what is told of
/// it are the same as if one thread read everything, only rows come in any order.
class LoadScan final : public sql::TableScan {
public:
    LoadScan(std::vector<LoadFile> files, std::vector<LoadColumn> columns, CopyOptions options,
             std::vector<std::string> json_paths);
    ~LoadScan() override;
    const std::vector<sql::ScanColumn>& columns() const override { return shown_; }
    std::unique_ptr<sql::ScanRun> begin() override;
    /// 1 until several may read: then as many as the bytes are worth.
    std::size_t thread_max() const override { return threads_; }
    /// Lets several threads read, where the files can be cut; so many at most. A block has so many
    /// bytes.
    void read_by_several(std::size_t threads, std::size_t block_bytes = std::size_t{1} << 20);
    /// What the SELECT over it makes of its columns, with commas.
    std::string select_list() const;
    const std::vector<LoadFile>& files() const { return files_; }
    /// After it was read, or failed: in the order of the files and their lines.
    const std::vector<LoadError>& errors() const;
    /// Whether more lines were refused than may be.
    bool has_failed() const;

private:
    struct Piece;
    class PieceReader;
    class Pieces;
    class Feed;
    class Run;
    bool is_worth_cutting() const;
    std::vector<LoadFile> files_;
    std::vector<LoadColumn> load_columns_;
    CopyOptions options_;
    std::vector<std::string> json_paths_, names_;
    std::vector<sql::ScanColumn> shown_;
    std::size_t threads_ = 1, block_bytes_ = 0;
    std::shared_ptr<Pieces> pieces_;  ///< of the last reading
};

}  // namespace stroma::redshift
