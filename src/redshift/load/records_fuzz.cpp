#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "redshift/load/record_blocks.h"
#include "redshift/load/record_reader.h"

namespace stroma::redshift {
namespace {

class GivenBytes final : public ByteSource {
public:
    GivenBytes(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
    Result<std::string_view> next() override {
        const auto given = std::string_view(text_).substr(at_, piece_);
        at_ += given.size();
        return given;
    }

private:
    std::string text_;
    std::size_t piece_, at_ = 0;
};

/// The first two letters say how the rest is read.
CopyOptions options_of(unsigned form, unsigned flags) {
    constexpr CopyFormat formats[] = {CopyFormat::csv, CopyFormat::json, CopyFormat::text,
                                      CopyFormat::fixed_width};
    CopyOptions options;
    options.format = formats[form % 4];
    options.has_escapes = (flags & 1) != 0;
    options.remove_quotes = (flags & 2) != 0;
    options.ignore_blank_lines = (flags & 4) != 0;
    if ((flags & 8) != 0) options.escape = '\\';
    if ((flags & 16) != 0) options.ignore_header = 1;
    if ((flags & 32) != 0) options.json = "auto ignorecase";
    if (options.format == CopyFormat::csv) options.delimiter = ',';
    options.widths = {{"a", 3}, {"b", 4}, {"c", 2}};
    return options;
}

/// Adds what the reader tells of each record.
void read_all(std::string text, std::uint64_t lines_before, const CopyOptions& options,
              std::vector<std::string>& told) {
    const std::vector<std::string> columns = {"a", "b", "c"};
    const std::size_t size = text.size();
    auto reader = read_plain_records(std::make_unique<GivenBytes>(std::move(text), size + 1),
                                     options, columns, {});
    if (!reader) return;
    (*reader)->begin_behind(lines_before);
    for (;;) {
        const auto more = (*reader)->next();
        if (!more || !*more) return;
        std::string one = std::to_string((*reader)->line()) + std::string((*reader)->raw());
        for (const Field& field : (*reader)->fields())
            one += "\1" + std::string(field.text) + (field.is_null ? "\2" : "");
        if ((*reader)->misfit() != nullptr) one += (*reader)->misfit()->reason;
        told.push_back(std::move(one));
    }
}

}  // namespace
}  // namespace stroma::redshift

// Whatever the bytes are, they are the same records in one piece and in blocks.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::redshift;
    if (size < 3) return 0;
    const CopyOptions options = options_of(data[0], data[1]);
    const std::size_t block_bytes = data[2], piece = 1 + block_bytes / 2;
    const std::string text(reinterpret_cast<const char*>(data + 3), size - 3);
    std::vector<std::string> whole, parts;
    read_all(text, 0, options, whole);
    RecordBlocks blocks(std::make_unique<GivenBytes>(text, piece), options, block_bytes);
    for (;;) {
        const auto block = blocks.next();
        if (!block || *block == nullptr) break;
        read_all((*block)->bytes, (*block)->lines_before, options, parts);
    }
    if (whole != parts) std::abort();
    return 0;
}
