#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "expression/text/text_input.h"
#include "expression/zarr/zarr_array.h"
#include "expression/zarr/zarr_codec.h"

// Whole arrays in memory: obs, var, obsm, uns. Matrices are read in pieces by zarr_matrix.cpp.

namespace stroma::expression {
namespace {

using Place = std::vector<std::uint64_t>;

std::uint64_t count_chunks(const ZarrArray& array) {
    std::uint64_t count = 1;
    for (std::size_t i = 0; i < array.shape.size(); ++i)
        count *= (array.shape[i] + array.chunks[i] - 1) / array.chunks[i];
    return count;
}

/// Steps to the next chunk in row-major order; false past the last.
bool next_place(const ZarrArray& array, Place& place) {
    for (std::size_t i = place.size(); i-- > 0;) {
        if (++place[i] * array.chunks[i] < array.shape[i]) return true;
        place[i] = 0;
    }
    return false;
}

/// Refuses an array whose stored bytes can't account for its size.
Result<void> check_size(const ZarrStore& store, const ZarrArray& array, std::uint64_t bytes_max) {
    const std::uint64_t chunks = count_chunks(array);
    const std::uint64_t element_bytes = std::max<std::size_t>(array.type.bytes, 8);
    const std::uint64_t elements = array.element_count();
    if (chunks > 1'000'000 || elements > bytes_max / element_bytes)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: {} values in {} chunks; the limit is {} bytes", array.path,
                                elements, chunks, bytes_max));
    if (elements * element_bytes <= (64u << 20)) return {};
    std::uint64_t stored = 0;
    Place place(array.shape.size(), 0);
    do {
        bool is_first = true;  // of its shard, which is counted once
        for (std::size_t i = 0; i < array.per_shard.size(); ++i)
            is_first = is_first && place[i] % array.per_shard[i] == 0;
        if (is_first) stored += store.size(array.chunk_key(place));
    } while (next_place(array, place));
    if (elements * element_bytes > (64u << 20) + stored * 1000)
        return fail(ErrorCode::exhausted, fmt::format("{}: bomb: {} stored bytes for {} values",
                                                      array.path, stored, elements));
    return {};
}

/// Calls use(index in the array, index in the chunk, how many lie together in both).
template <class Use>
void for_each_run(const ZarrArray& array, const Place& place, Use&& use) {
    const std::size_t rank = array.shape.size();
    if (rank == 0) return use(std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{1});
    Place inside(rank, 0), limit(rank);
    for (std::size_t i = 0; i < rank; ++i) {
        if (place[i] * array.chunks[i] >= array.shape[i]) return;
        limit[i] = std::min(array.chunks[i], array.shape[i] - place[i] * array.chunks[i]);
    }
    const bool by_run = !array.is_column_major || rank == 1;
    while (true) {
        std::uint64_t to = 0, from = 0;
        for (std::size_t i = 0; i < rank; ++i)
            to = to * array.shape[i] + place[i] * array.chunks[i] + inside[i];
        for (std::size_t i = 0; i < rank; ++i) {
            const std::size_t axis = by_run ? i : rank - 1 - i;
            from = from * array.chunks[axis] + inside[axis];
        }
        use(to, from, by_run ? limit[rank - 1] : std::uint64_t{1});
        std::size_t axis = by_run ? rank - 1 : rank;
        while (axis-- > 0) {
            if (++inside[axis] < limit[axis]) break;
            inside[axis] = 0;
            if (axis == 0) return;
        }
        if (by_run && rank == 1) return;
    }
}

void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | code >> 6);
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0 | code >> 12);
        out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | code >> 18);
        out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
        out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

/// A fixed-width text without its padding; false when it isn't text.
bool fixed_text(const std::byte* from, const ZarrType& type, std::string& out) {
    out.clear();
    if (type.kind == ZarrType::Kind::fixed_bytes) {
        out.assign(reinterpret_cast<const char*>(from), type.bytes);
        out.resize(out.find_last_not_of('\0') + 1);
        return is_clean_text(out);
    }
    std::size_t count = type.bytes / 4;
    const auto code_at = [&](std::size_t i) {
        const auto code = load<std::uint32_t>(from + i * 4);
        return type.is_big_endian ? __builtin_bswap32(code) : code;
    };
    while (count > 0 && code_at(count - 1) == 0) --count;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t code = code_at(i);
        if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
        append_utf8(out, code);
    }
    return true;
}

/// The texts of a vlen-utf8 chunk: a count, then length and bytes of each, all little-endian.
Result<void> parse_vlen(ByteSpan bytes, std::uint64_t count, std::vector<std::string>& texts,
                        const std::string& place) {
    const auto damaged = [&] {
        return fail(ErrorCode::invalid_input, place + ": its vlen-utf8 texts are damaged");
    };
    if (bytes.size() < 4 || load<std::uint32_t>(bytes.data()) != count) return damaged();
    if (count > bytes.size() / 4) return damaged();
    bytes = bytes.subspan(4);
    texts.clear();
    for (std::uint64_t i = 0; i < count; ++i) {
        if (bytes.size() < 4) return damaged();
        const auto length = load<std::uint32_t>(bytes.data());
        if (length > bytes.size() - 4) return damaged();
        texts.emplace_back(as_text(bytes.subspan(4, length)));
        if (!is_clean_text(texts.back()))
            return fail(ErrorCode::invalid_input, place + ": a text is not UTF-8");
        bytes = bytes.subspan(4 + length);
    }
    return {};
}

Result<std::vector<std::string>> chunk_texts(const ZarrStore& store, const ZarrArray& array,
                                             const Place& place) {
    const std::string key = array.chunk_key(place);
    std::vector<std::string> texts;
    const std::uint64_t count = array.chunk_elements();
    if (array.type.kind == ZarrType::Kind::vlen_utf8) {
        auto packed = TRY(read_packed_chunk(store, array, place));
        if (!packed) return std::vector<std::string>(count, array.fill_text);
        const Bytes bytes =
            TRY_WITH(unpack_chunk(array.compressor, *std::move(packed), 0, std::uint64_t{1} << 30),
                     store.place(key));
        TRY(parse_vlen(bytes, count, texts, store.place(key)));
        return texts;
    }
    const Bytes bytes = TRY(read_zarr_chunk(store, array, place));
    texts.resize(count);
    for (std::uint64_t i = 0; i < count; ++i)
        if (!fixed_text(bytes.data() + i * array.type.bytes, array.type, texts[i]))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: text {} is not Unicode", store.place(key), i));
    return texts;
}

}  // namespace

Result<Array> read_zarr_numbers(const ZarrStore& store, const ZarrArray& array,
                                std::uint64_t bytes_max) {
    if (holds_texts(array) || array.type.kind == ZarrType::Kind::record)
        return fail(ErrorCode::invalid_input, array.path + " should hold numbers");
    TRY(check_size(store, array, bytes_max));
    const std::size_t width = array.type.bytes;
    Bytes bytes(array.element_count() * width);
    Place place(array.shape.size(), 0);
    if (!bytes.empty()) {
        do {
            const Bytes chunk = TRY(read_zarr_chunk(store, array, place));
            for_each_run(array, place, [&](auto to, auto from, auto count) {
                std::memcpy(bytes.data() + to * width, chunk.data() + from * width, count * width);
            });
        } while (next_place(array, place));
    }
    return Array{native_type(array.type), array.shape, to_native(std::move(bytes), array.type)};
}

Result<TextArray> read_zarr_texts(const ZarrStore& store, const ZarrArray& array,
                                  std::uint64_t bytes_max) {
    if (!holds_texts(array))
        return fail(ErrorCode::invalid_input, array.path + " should hold texts");
    TRY(check_size(store, array, bytes_max));
    std::vector<std::string> all(array.element_count());
    Place place(array.shape.size(), 0);
    if (!all.empty()) {
        do {
            std::vector<std::string> chunk = TRY(chunk_texts(store, array, place));
            for_each_run(array, place, [&](auto to, auto from, auto count) {
                for (std::uint64_t i = 0; i < count; ++i) all[to + i] = std::move(chunk[from + i]);
            });
        } while (next_place(array, place));
    }
    TextArray texts;
    for (const std::string& text : all) texts.push_back(text);
    return texts;
}

Result<Records> read_zarr_records(const ZarrStore& store, const ZarrArray& array,
                                  std::uint64_t bytes_max) {
    assert(array.type.kind == ZarrType::Kind::record);
    if (array.shape.size() > 1)
        return fail(ErrorCode::invalid_input, array.path + ": records in more than one dimension");
    TRY(check_size(store, array, bytes_max));
    const std::uint64_t count = array.element_count();
    const std::size_t width = array.type.bytes;
    Bytes bytes(count * width);
    Place place(array.shape.size(), 0);
    if (count > 0) {
        do {
            const Bytes chunk = TRY(read_zarr_chunk(store, array, place));
            for_each_run(array, place, [&](auto to, auto from, auto run) {
                std::memcpy(bytes.data() + to * width, chunk.data() + from * width, run * width);
            });
        } while (next_place(array, place));
    }
    Records records;
    std::size_t at = 0;
    for (const ZarrType& type : array.type.fields) {
        Column column{type.name, TextArray{}, {}};
        TextArray texts;
        Bytes numbers;
        std::string text;
        const bool is_text =
            type.kind == ZarrType::Kind::fixed_bytes || type.kind == ZarrType::Kind::fixed_unicode;
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::byte* from = bytes.data() + i * width + at;
            if (!is_text) {
                numbers.insert(numbers.end(), from, from + type.bytes);
            } else if (fixed_text(from, type, text)) {
                texts.push_back(text);
            } else {
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}: field '{}' is not Unicode", array.path, type.name));
            }
        }
        if (is_text)
            column.values = std::move(texts);
        else
            column.values = Array{native_type(type), {count}, to_native(std::move(numbers), type)};
        records.fields.push_back(std::move(column));
        at += type.bytes;
    }
    return records;
}

}  // namespace stroma::expression
