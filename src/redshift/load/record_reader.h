#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redshift/load/byte_source.h"

namespace stroma::redshift {

struct Field {
    std::string_view text;
    bool is_null = false;
    bool is_json = false;        ///< a part of a JSON object, as it stands there
    std::uint32_t position = 0;  ///< of its first byte in the line
};

/// Why a line, or a value, isn't taken: Redshift's code and words.
struct Misfit {
    int code = 0;
    std::string reason;
};

/// Lines taken apart into fields. Views last until the next one.
class RecordReader {
public:
    virtual ~RecordReader() = default;
    /// Moves to the next record; false at the end. A record whose form is wrong has a misfit and
    /// no fields. errors  those of the bytes; exhausted  a line past 4 MiB
    virtual Result<bool> next() = 0;
    const std::vector<Field>& fields() const { return fields_; }
    const Misfit* misfit() const { return misfit_.code == 0 ? nullptr : &misfit_; }
    std::string_view raw() const { return raw_; }
    /// On which line, counted from 1, the record begins; of JSON its last, as Redshift tells it.
    std::uint64_t line() const { return record_line_; }
    std::uint64_t lines() const { return line_; }  ///< of the file up to the record's end
    /// So many lines of the file come before the bytes. Before the first record.
    virtual void begin_behind(std::uint64_t lines) { line_ = lines; }

protected:
    std::vector<Field> fields_;
    Misfit misfit_;
    std::string_view raw_;
    std::uint64_t line_ = 0, record_line_ = 0;
};

constexpr std::size_t record_bytes_max = 4u << 20;

/// `columns`: how many fields a line should have; of JSON their names.
Result<std::unique_ptr<RecordReader>> read_records(std::unique_ptr<ByteSource> bytes,
                                                   const CopyOptions& options,
                                                   const std::vector<std::string>& columns,
                                                   const std::vector<std::string>& json_paths);

/// The same of bytes that aren't compressed, whatever the options say.
Result<std::unique_ptr<RecordReader>> read_plain_records(
    std::unique_ptr<ByteSource> plain, const CopyOptions& options,
    const std::vector<std::string>& columns, const std::vector<std::string>& json_paths);

/// The rest of a source, line by line. Not beyond this folder.
class LineBuffer {
public:
    explicit LineBuffer(std::unique_ptr<ByteSource> bytes) : bytes_(std::move(bytes)) {}
    /// What is there from the place reached; at least one byte more than before, or the end.
    Result<bool> more();
    std::string_view rest() const { return rest_; }
    void skip(std::size_t count) { rest_.remove_prefix(count); }

private:
    std::unique_ptr<ByteSource> bytes_;
    std::string_view rest_;  ///< of the source's last bytes where they are all, else of `buffer_`
    std::string buffer_;
    bool is_over_ = false;
};

std::unique_ptr<RecordReader> json_records(std::unique_ptr<ByteSource> bytes,
                                           const CopyOptions& options,
                                           const std::vector<std::string>& columns,
                                           const std::vector<std::string>& json_paths);

}  // namespace stroma::redshift
