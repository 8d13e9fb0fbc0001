#include "expression/loom/loom_attributes.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "base/usual_or_tiny.h"

namespace stroma::expression {
namespace {

constexpr std::size_t rows_a_write = usual_or_tiny(256u * 64, 3u);

H5Storage storage_for(std::span<const std::uint64_t> shape) {
    for (const std::uint64_t size : shape)
        if (size == 0) return {};
    H5Storage storage{{shape.begin(), shape.end()}, loom_gzip_level};
    storage.chunk[0] = std::min<hsize_t>(256, shape[0]);
    return storage;
}

using RowText = std::function<std::string(std::size_t)>;

/// Texts of one length, some rows at a time: once for the longest, once to write.
Result<void> write_byte_strings(hid_t file, const std::string& path, std::size_t rows,
                                const RowText& text_of) {
    std::size_t length = 1;
    for (std::size_t row = 0; row < rows; ++row) length = std::max(length, text_of(row).size());
    const H5Handle type{H5Tcopy(H5T_C_S1), H5Tclose};
    H5Tset_size(type.id(), length);
    H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
    const std::uint64_t shape[] = {rows};
    const H5Handle dataset = TRY(h5_make_dataset(file, path, type.id(), shape, storage_for(shape)));
    for (std::size_t first = 0; first < rows; first += rows_a_write) {
        const std::size_t count = std::min(rows_a_write, rows - first);
        std::string texts(length * count, '\0');
        for (std::size_t i = 0; i < count; ++i) {
            const std::string text = text_of(first + i);
            text.copy(texts.data() + i * length, text.size());
        }
        TRY(h5_write_rows(dataset, type.id(), first, count, texts.data(), path));
    }
    return h5_write_text_attribute(dataset, "last_modified", loom_timestamp);
}

/// One UTF-8 character at the start of `text`, and how many bytes it has.
struct Character {
    std::uint32_t code;
    std::size_t bytes;
};
Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    const std::size_t bytes = lead < 0x80                   ? 1
                              : lead >= 0xc2 && lead < 0xe0 ? 2
                              : lead >= 0xe0 && lead < 0xf0 ? 3
                              : lead >= 0xf0 && lead < 0xf5 ? 4
                                                            : 0;
    if (bytes == 0 || bytes > text.size()) return {0xfffd, 1};
    if (bytes == 1) return {lead, 1};
    std::uint32_t code = lead & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {0xfffd, 1};
        code = code << 6 | (byte(i) & 0x3f);
    }
    return {code, bytes};
}

/// Masked integers as float64 with NaN, booleans as uint8: what Loom can say.
Array loom_numbers(const Column& column) {
    const Array& values = std::get<Array>(column.values);
    const bool masked = column.missing && std::find(column.missing->begin(), column.missing->end(),
                                                    true) != column.missing->end();
    if (masked) {
        std::vector<double> numbers(column.size());
        for (std::size_t row = 0; row < numbers.size(); ++row)
            numbers[row] = (*column.missing)[row] ? std::numeric_limits<double>::quiet_NaN()
                                                  : values.number(row);
        return Array::of(numbers);
    }
    Array numbers = values;
    if (numbers.type == ValueType::boolean) numbers.type = ValueType::uint8;
    return numbers;
}

}  // namespace

std::string loom_text(std::string_view utf8) {
    std::string text;
    while (!utf8.empty()) {
        const Character character = first_character(utf8);
        if (character.code < 0x80)
            text += static_cast<char>(character.code);
        else
            text += "&#" + std::to_string(character.code) + ";";
        utf8.remove_prefix(character.bytes);
    }
    return text;
}

Result<void> write_loom_ids(hid_t file, const std::string& path, const TextArray& ids) {
    return write_byte_strings(file, path, ids.size(),
                              [&](std::size_t row) { return loom_text(ids[row]); });
}

Result<void> write_loom_array(hid_t file, const std::string& path, const Array& values) {
    const H5Handle dataset = TRY(h5_write_array(file, path, values, storage_for(values.shape)));
    return h5_write_text_attribute(dataset, "last_modified", loom_timestamp);
}

Result<void> write_loom_attribute(hid_t file, const std::string& path, const Column& column) {
    if (column.is_numeric()) return write_loom_array(file, path, loom_numbers(column));
    // Numeric categories stay numbers where no value is missing.
    const auto* codes = std::get_if<Categorical>(&column.values);
    const Array* numbers = codes ? std::get_if<Array>(&codes->categories) : nullptr;
    if (numbers != nullptr &&
        std::find(codes->codes.begin(), codes->codes.end(), -1) == codes->codes.end()) {
        const std::size_t bytes = size_of(numbers->type);
        Array values{numbers->type, {codes->codes.size()}, Bytes(codes->codes.size() * bytes)};
        for (std::size_t row = 0; row < codes->codes.size(); ++row)
            std::memcpy(values.bytes.data() + row * bytes,
                        numbers->bytes.data() + static_cast<std::size_t>(codes->codes[row]) * bytes,
                        bytes);
        return write_loom_attribute(file, path, {column.name, std::move(values), std::nullopt});
    }
    return write_byte_strings(file, path, column.size(),
                              [&](std::size_t row) { return loom_text(column.text(row)); });
}

}  // namespace stroma::expression
