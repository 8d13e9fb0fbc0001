#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "redshift/load/byte_source.h"

namespace stroma::redshift {

/// Whether text of these options can be cut where records end, before it is read as records. Not
/// PostgreSQL's own text: a line in it may say that what follows is no data.
bool can_be_cut(const CopyOptions& options);

/// Finds where records end in text that is given piece by piece, as read_records() would, but
/// without taking records apart. Used by one thread.
class RecordEnds {
public:
    explicit RecordEnds(const CopyOptions& options) : options_(options) {}
    /// `text` begins where a record does and is what the last call had, with more behind it. Gives
    /// the end of the last record that is whole; 0 where none is.
    std::size_t last_end(std::string_view text);
    /// Lines in the records up to that end, as a reader of records counts them.
    std::uint64_t lines() const { return lines_; }
    /// Behind the end the next text begins.
    void begin_again();

private:
    std::size_t json_end(std::string_view text);
    std::size_t quoted_end(std::string_view text);
    std::size_t escaped_end(std::string_view text);

    const CopyOptions& options_;
    // Of forms that are walked through: where the walk is, and what was seen on the way.
    std::size_t at_ = 0, end_ = 0, depth_ = 0;
    std::uint64_t seen_lines_ = 0, lines_ = 0;
    bool inside_ = false;
};

/// Whole records of one file.
struct RecordBlock {
    std::string bytes;
    std::uint64_t lines_before = 0;  ///< of the same file
};

/// A file's plain bytes as blocks of whole records, about `block_bytes` each, so that several
/// threads can read them. Used by one thread at a time.
class RecordBlocks {
public:
    RecordBlocks(std::unique_ptr<ByteSource> bytes, const CopyOptions& options,
                 std::size_t block_bytes)
        : bytes_(std::move(bytes)), ends_(options), block_bytes_(block_bytes) {}
    /// The next block; null at the end. The last may end amid a record.
    /// errors  those of the bytes, after the records before them; exhausted  a line past 4 MiB
    Result<std::shared_ptr<const RecordBlock>> next();

private:
    void read_more();
    std::shared_ptr<const RecordBlock> taken(std::size_t count);

    std::unique_ptr<ByteSource> bytes_;
    RecordEnds ends_;
    std::size_t block_bytes_;
    std::string rest_;
    std::uint64_t lines_ = 0;
    std::optional<Error> failed_;
    bool is_over_ = false;
};

}  // namespace stroma::redshift
