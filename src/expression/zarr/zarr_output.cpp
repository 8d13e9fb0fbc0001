#include "expression/zarr/zarr_output.h"

#include <algorithm>
#include <limits>

#include "base/threads.h"
#include "base/usual_or_tiny.h"
#include "expression/output/matrix_pieces.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_a_chunk = usual_or_tiny(1u << 18, 61u);
constexpr std::uint64_t dense_chunk_bytes = 1u << 20;

/// One row-major array as a single chunk, which its shape describes.
ZarrDescription whole(std::span<const std::uint64_t> shape, std::string dtype,
                      std::size_t value_bytes, ZarrCodec codec) {
    ZarrDescription array;
    array.shape.assign(shape.begin(), shape.end());
    for (const std::uint64_t size : shape) array.chunks.push_back(std::max<std::uint64_t>(1, size));
    array.dtype = std::move(dtype);
    array.value_bytes = value_bytes;
    // Zarr gives a single value no compressor.
    array.codec = shape.empty() ? ZarrCodec::none : codec;
    return array;
}

/// The name of chunk (index, 0, 0 …).
std::string chunk_name(std::uint64_t index, std::size_t dimensions) {
    std::string name = std::to_string(index);
    for (std::size_t i = 1; i < dimensions; ++i) name += ".0";
    return name;
}

bool is_empty(std::span<const std::uint64_t> shape) {
    return std::find(shape.begin(), shape.end(), 0u) != shape.end();
}

std::u32string characters_of(std::string_view utf8) {
    std::u32string characters;
    for (std::size_t i = 0; i < utf8.size();) {
        const auto lead = static_cast<unsigned char>(utf8[i]);
        const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        char32_t code = bytes == 1 ? lead : lead & (0x7fu >> bytes);
        for (std::size_t k = 1; k < bytes && i + k < utf8.size(); ++k)
            code = code << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3f);
        // numpy refuses what is no character.
        characters += code > 0x10ffff ? U'\ufffd' : code;
        i += bytes;
    }
    return characters;
}

/// vlen-utf8: the number of texts, then each with its length before it; all 32 bits.
Bytes packed_texts(const TextArray& texts) {
    Bytes bytes(4 + 4 * texts.size() + texts.text_bytes().size());
    std::byte* to = bytes.data();
    store(to, static_cast<std::uint32_t>(texts.size()));
    to += 4;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        store(to, static_cast<std::uint32_t>(texts[i].size()));
        std::memcpy(to + 4, texts[i].data(), texts[i].size());
        to += 4 + texts[i].size();
    }
    return bytes;
}

/// A field of a record array: its values, `width` bytes each.
struct FieldBytes {
    std::string dtype;
    std::size_t width = 0;
    Bytes bytes;
};
FieldBytes field_bytes(const Column& field) {
    if (const auto* numbers = std::get_if<Array>(&field.values))
        return {zarr_dtype(numbers->type), size_of(numbers->type), numbers->bytes};
    std::vector<std::string> texts;
    for (std::size_t row = 0; row < field.size(); ++row) texts.push_back(field.text(row));
    FixedTexts fixed = fixed_texts({texts.begin(), texts.end()});
    return {unicode_dtype(fixed.characters), 4 * fixed.characters, std::move(fixed.bytes)};
}

std::string json_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
    }
    return quoted + "\"";
}

}  // namespace

std::string unicode_dtype(std::size_t characters) {
    return "\"<U" + std::to_string(characters) + "\"";
}

std::size_t character_count(std::string_view utf8) { return characters_of(utf8).size(); }

FixedTexts fixed_texts(const std::vector<std::string_view>& texts, std::size_t characters_min) {
    FixedTexts fixed;
    fixed.characters = characters_min;
    std::vector<std::u32string> wide;
    for (const std::string_view text : texts) {
        wide.push_back(characters_of(text));
        fixed.characters = std::max(fixed.characters, wide.back().size());
    }
    fixed.bytes.resize(texts.size() * fixed.characters * 4);
    for (std::size_t i = 0; i < wide.size(); ++i)
        std::memcpy(fixed.bytes.data() + i * fixed.characters * 4, wide[i].data(),
                    wide[i].size() * 4);
    return fixed;
}

Result<void> ZarrOutput::group(const std::string& path, const Attributes& attributes) {
    return folder_.add_group(path, attributes);
}

Result<void> ZarrOutput::array(const std::string& path, const Array& values,
                               const Attributes& attributes) {
    ZarrDescription array =
        whole(values.shape, zarr_dtype(values.type), size_of(values.type), codec_);
    if (values.type == ValueType::boolean) array.fill = "false";
    std::uint64_t row_bytes = size_of(values.type);
    for (std::size_t i = 1; i < values.shape.size(); ++i) row_bytes *= values.shape[i];
    if (!values.shape.empty() && row_bytes > 0 && values.shape[0] > 0)
        array.chunks[0] =
            std::clamp<std::uint64_t>((std::uint64_t{4} << 20) / row_bytes, 1, values.shape[0]);
    TRY(folder_.add_array(path, array, attributes));
    if (is_empty(values.shape)) return {};
    if (values.shape.empty()) return folder_.add_chunk(path, array, "0", values.bytes);
    const std::uint64_t rows = array.chunks[0];
    Bytes filled;
    for (std::uint64_t chunk = 0; chunk * rows < values.shape[0]; ++chunk) {
        ByteSpan bytes = ByteSpan(values.bytes).subspan(chunk * rows * row_bytes);
        bytes = bytes.first(std::min<std::uint64_t>(bytes.size(), rows * row_bytes));
        if (bytes.size() < rows * row_bytes) {
            filled.assign(bytes.begin(), bytes.end());
            filled.resize(rows * row_bytes);
            bytes = filled;
        }
        TRY(folder_.add_chunk(path, array, chunk_name(chunk, values.shape.size()), bytes));
    }
    return {};
}

Result<void> ZarrOutput::texts(const std::string& path, std::span<const std::uint64_t> shape,
                               const TextArray& texts, const Attributes& attributes) {
    if (shape.empty()) {
        const FixedTexts one = fixed_texts({texts[0]});
        ZarrDescription array = whole(shape, unicode_dtype(one.characters), 4, codec_);
        array.fill = "\"\"";
        TRY(folder_.add_array(path, array, attributes));
        return folder_.add_chunk(path, array, "0", one.bytes);
    }
    ZarrDescription array = whole(shape, "\"|O\"", 1, codec_);
    array.texts_of_any_length = true;
    TRY(folder_.add_array(path, array, attributes));
    if (is_empty(shape)) return {};
    return folder_.add_chunk(path, array, chunk_name(0, shape.size()), packed_texts(texts));
}

Result<void> ZarrOutput::records(const std::string& path, const Records& records,
                                 const Attributes& attributes) {
    if (records.fields.empty())
        return fail(ErrorCode::unsupported, path + " is a record array without fields");
    std::vector<FieldBytes> fields;
    std::string dtype = "[";
    std::size_t row_bytes = 0;
    for (const Column& field : records.fields) {
        fields.push_back(field_bytes(field));
        dtype += (dtype.size() > 1 ? "," : "") + std::string("[") + json_text(field.name) + "," +
                 fields.back().dtype + "]";
        row_bytes += fields.back().width;
    }
    const std::uint64_t rows[] = {records.fields.front().size()};
    Bytes bytes(rows[0] * row_bytes);
    std::size_t offset = 0;
    for (const FieldBytes& field : fields) {
        for (std::uint64_t row = 0; row < rows[0]; ++row)
            std::memcpy(bytes.data() + row * row_bytes + offset,
                        field.bytes.data() + row * field.width, field.width);
        offset += field.width;
    }
    ZarrDescription array = whole(rows, dtype + "]", std::min<std::size_t>(row_bytes, 255), codec_);
    array.fill = "null";
    TRY(folder_.add_array(path, array, attributes));
    if (rows[0] == 0) return {};
    return folder_.add_chunk(path, array, "0", bytes);
}

Result<void> ZarrOutput::write_starts(const std::string& path,
                                      const std::vector<std::uint64_t>& starts) {
    if (starts.back() > std::uint64_t{std::numeric_limits<std::int32_t>::max()})
        return array(path, Array::of(std::vector<std::int64_t>(starts.begin(), starts.end())), {});
    std::vector<std::int32_t> narrow(starts.size());
    for (std::size_t i = 0; i < starts.size(); ++i)
        narrow[i] = static_cast<std::int32_t>(starts[i]);
    return array(path, Array::of(narrow), {});
}

Result<void> ZarrOutput::matrix(const std::string& path, const NamedMatrix& matrix,
                                const Attributes& attributes) {
    MatrixSource& source = *matrix.source;
    const bool is_main = matrix.name == "X";
    if (source.was_dense()) return write_dense(path, source, is_main, attributes);
    if (source.gene_count() > std::uint64_t{std::numeric_limits<std::int32_t>::max()})
        return fail(ErrorCode::unsupported, path + " has more than 2^31 - 1 genes");
    TRY(group(path, attributes));
    return write_sparse(path, source, is_main);
}

Result<void> ZarrOutput::write_sparse(const std::string& path, MatrixSource& source, bool is_main) {
    const ValueType type = source.value_type();
    const auto starts = TRY(line_starts(source, watch_));
    TRY(write_starts(path + "/indptr", starts));
    const std::uint64_t values = starts.back();
    const std::uint64_t shape[] = {values};
    const std::uint64_t chunk = std::clamp<std::uint64_t>(values, 1, values_a_chunk);
    ZarrDescription data = whole(shape, zarr_dtype(type), size_of(type), codec_);
    ZarrDescription indices = whole(shape, zarr_dtype(ValueType::int32), 4, codec_);
    data.chunks = indices.chunks = {chunk};
    TRY(folder_.add_array(path + "/data", data, {}));
    TRY(folder_.add_array(path + "/indices", indices, {}));

    const auto add = [&](std::size_t i, const std::string& name, const ZarrDescription& array,
                         ByteSpan bytes) -> Result<void> {
        if (bytes.size() == chunk * array.value_bytes)
            return folder_.add_chunk(path + name, array, std::to_string(i), bytes);
        Bytes filled(bytes.begin(), bytes.end());
        filled.resize(chunk * array.value_bytes);
        return folder_.add_chunk(path + name, array, std::to_string(i), filled);
    };
    std::mutex mutex;
    std::vector<std::unique_ptr<ValuePiece>> pool;
    return parallel_for((values + chunk - 1) / chunk, [&](std::size_t i) -> Result<void> {
        TRY(progress_.check());
        auto piece = std::make_unique<ValuePiece>();
        {
            const std::lock_guard lock(mutex);
            if (!pool.empty()) {
                piece = std::move(pool.back());
                pool.pop_back();
            }
        }
        TRY(read_piece(source, starts, i * chunk, std::min((i + 1) * chunk, values), *piece));
        if (is_main) tally_.add(piece->block, type, piece->shared_lines);
        TRY(add(i, "/data", data, piece->values(type)));
        TRY(add(i, "/indices", indices, piece->places()));
        progress_.add(static_cast<double>(piece->block.line_count() - piece->shared_lines));
        const std::lock_guard lock(mutex);
        pool.push_back(std::move(piece));
        return {};
    });
}

Result<void> ZarrOutput::write_dense(const std::string& path, MatrixSource& source, bool is_main,
                                     const Attributes& attributes) {
    const ValueType type = source.value_type();
    const std::uint64_t cells = source.cell_count(), genes = source.gene_count();
    const std::uint64_t shape[] = {cells, genes};
    const std::uint64_t row_bytes = std::max<std::uint64_t>(1, genes * size_of(type));
    ZarrDescription array = whole(shape, zarr_dtype(type), size_of(type), codec_);
    if (type == ValueType::boolean) array.fill = "false";
    const std::uint64_t rows = std::clamp<std::uint64_t>(dense_chunk_bytes / row_bytes, 1,
                                                         std::max<std::uint64_t>(1, cells));
    array.chunks[0] = rows;
    TRY(folder_.add_array(path, array, attributes));
    if (is_empty(shape)) return {};
    const auto ranges = ranges_of_lines(cells, rows);
    return parallel_for(ranges.size(), [&](std::size_t i) -> Result<void> {
        TRY(progress_.check());
        LineBlock block;
        Bytes dense;
        TRY(read_range(source, ranges[i], {}, block));
        if (is_main) tally_.add(block, type);
        spread(block, type, genes, dense);
        dense.resize(rows * row_bytes);
        progress_.add(static_cast<double>(ranges[i].count));
        return folder_.add_chunk(path, array, chunk_name(i, 2), dense);
    });
}

}  // namespace stroma::expression
