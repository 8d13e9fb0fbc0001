#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/input_files.h"

struct z_stream_s;

namespace stroma::expression {

struct TextLimits {
    std::uint64_t unpacked_bytes_max = std::uint64_t{64} << 30;  ///< of a gzip file
    std::uint64_t line_bytes_max = 64u << 20;
};

/// A text file, plain or gzip (told by its first bytes), as blocks of whole lines. Plain files are
/// mapped block by block and not copied. Gzip: several members are read as one, anything behind the
/// last one is refused, and unpacking stops at unpacked_bytes_max or at 200 : 1 past 64 MiB
/// ("bomb").
/// Memory: one block and one line. One thread at a time.
class TextInput {
public:
    static Result<std::unique_ptr<TextInput>> open(InputFiles& files, std::string_view name,
                                                   const TextLimits& limits);
    virtual ~TextInput() = default;

    /// The next lines, about `bytes` of them, ending behind a line's end (the file's last line may
    /// lack it); empty at the end. Valid until the next call.
    /// errors  invalid_input  a damaged gzip file, a line past line_bytes_max (says which)
    ///         exhausted      "bomb"
    virtual Result<std::string_view> next_block(std::size_t bytes) = 0;
    /// Back to the first line.
    virtual Result<void> rewind() = 0;
    virtual bool is_gzip() const = 0;
    const std::string& name() const { return name_; }
    std::uint64_t packed_bytes() const { return packed_bytes_; }

protected:
    std::string name_;
    std::uint64_t packed_bytes_ = 0;
};

/// How many bytes a parallel parser should ask next_block for.
std::size_t parse_block_bytes();

/// Takes the first line off `text`, without its line end (LF or CRLF); false when text is empty.
bool take_line(std::string_view& text, std::string_view& line);

/// The block cut into at most `pieces` pieces of whole lines.
std::vector<std::string_view> split_lines(std::string_view block, std::size_t pieces);

/// Whether the bytes are UTF-8 without NUL.
bool is_clean_text(std::string_view text);

/// The whole text of a file that must be small (metadata); plain or gzip.
Result<std::string> read_text(InputFiles& files, std::string_view name, std::uint64_t bytes_max);

}  // namespace stroma::expression
