#include "expression/zarr/zarr_array.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "expression/text/text_input.h"
#include "expression/zarr/zarr_codec.h"
#include "expression/zarr/zarr_shard.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t elements_max = std::uint64_t{1} << 48;
constexpr std::uint64_t chunk_bytes_max = std::uint64_t{1} << 30;
constexpr std::uint64_t shard_chunks_max = 1u << 20;

std::string under(std::string_view path, std::string_view name) {
    return path.empty() ? std::string(name) : std::string(path) + "/" + std::string(name);
}

Result<ZarrType> parse_simple_type(const std::string& place, std::string_view text) {
    const auto unknown = [&] {
        return bad_zarr(place, fmt::format("dtype '{}' is not read", text));
    };
    if (text.size() < 2) return unknown();
    ZarrType type;
    const char order = text[0], kind = text[1];
    std::size_t width = 0;
    const auto parsed = std::from_chars(text.data() + 2, text.data() + text.size(), width);
    if ((order != '<' && order != '>' && order != '|') ||
        (kind != 'O' && (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size())))
        return unknown();
    type.is_big_endian = order == '>';
    type.bytes = width;
    using V = ValueType;
    const int log = width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : width == 8 ? 3 : -1;
    switch (kind) {
        case 'O':
            type.kind = ZarrType::Kind::vlen_utf8;
            type.bytes = 0;
            return type;
        case 'b':
            if (width != 1) return unknown();
            type.number = V::boolean;
            return type;
        case 'i':
        case 'u': {
            if (log < 0) return unknown();
            const V first = kind == 'i' ? V::int8 : V::uint8;
            type.number = static_cast<V>(static_cast<int>(first) + log);
            return type;
        }
        case 'f':
            if (width == 2)
                type.kind = ZarrType::Kind::half;
            else if (width != 4 && width != 8)
                return unknown();
            type.number = width == 8 ? V::float64 : V::float32;
            return type;
        case 'S':
        case 'U':
            type.kind = kind == 'S' ? ZarrType::Kind::fixed_bytes : ZarrType::Kind::fixed_unicode;
            if (width == 0 || width > 65536) return unknown();
            if (kind == 'U') type.bytes = width * 4;
            return type;
        default: return unknown();
    }
}

Result<ZarrType> parse_type(const std::string& place, const Json& json) {
    if (json.is_string()) return parse_simple_type(place, json.get<std::string>());
    if (!json.is_array() || json.empty() || json.size() > 2000)
        return bad_zarr(place, "dtype is neither a text nor a list of fields");
    ZarrType type;
    type.kind = ZarrType::Kind::record;
    type.bytes = 0;
    for (const Json& field : json) {
        if (!field.is_array() || field.size() != 2 || !field[0].is_string() ||
            !field[1].is_string())
            return bad_zarr(place, "a field of dtype is not [name, type]");
        ZarrType part = TRY(parse_simple_type(place, field[1].get<std::string>()));
        if (part.kind == ZarrType::Kind::vlen_utf8)
            return bad_zarr(place, "a record holds pickled objects, which are never loaded");
        type.bytes += part.bytes;
        part.name = field[0].get<std::string>();
        type.fields.push_back(std::move(part));
    }
    return type;
}

Result<std::vector<std::uint64_t>> parse_lengths(const std::string& place, const Json& json,
                                                 const char* name) {
    if (!json.contains(name) || !json[name].is_array() || json[name].size() > 32)
        return bad_zarr(place, fmt::format("'{}' is not a list of lengths", name));
    std::vector<std::uint64_t> lengths;
    for (const Json& length : json[name]) {
        if (!length.is_number_unsigned())
            return bad_zarr(place, fmt::format("'{}' holds {}, not a length", name, length.dump()));
        lengths.push_back(length.get<std::uint64_t>());
    }
    return lengths;
}

Result<std::uint64_t> product(const std::string& place, const std::vector<std::uint64_t>& lengths,
                              std::uint64_t max, std::string_view what) {
    std::uint64_t count = 1;
    for (const std::uint64_t length : lengths) {
        if (length != 0 && count > max / length)
            return fail(ErrorCode::exhausted,
                        fmt::format("{}: {} of more than {}", place, what, max));
        count *= length;
    }
    return count;
}

Result<void> parse_filters(const std::string& place, const Json& json, ZarrArray& array) {
    bool is_vlen = false;
    if (json.contains("filters") && json["filters"].is_array())
        for (const Json& filter : json["filters"]) {
            const std::string id = filter.is_object() ? filter.value("id", "") : "";
            if (id == "pickle" || id == "categorize" || id == "msgpack" || id == "json2")
                return bad_zarr(place,
                                fmt::format("filter '{}' holds objects, which are never loaded; "
                                            "write the texts as vlen-utf8",
                                            id));
            if (id != "vlen-utf8")
                return fail(ErrorCode::unsupported,
                            fmt::format("{}: filter '{}' is not known", place, id));
            is_vlen = true;
        }
    if (array.type.kind == ZarrType::Kind::vlen_utf8 && !is_vlen)
        return bad_zarr(place,
                        "dtype object without the vlen-utf8 filter may be a pickle, which is "
                        "never loaded");
    if (array.type.kind != ZarrType::Kind::vlen_utf8 && is_vlen)
        return bad_zarr(place, "the vlen-utf8 filter stands on numbers");
    return {};
}

void put_number(std::byte* to, const ZarrType& type, double value) {
    const auto whole = static_cast<std::int64_t>(std::clamp(value, -9.2e18, 9.2e18));
    switch (type.number) {
        case ValueType::float32: return store(to, static_cast<float>(value));
        case ValueType::float64: return store(to, value);
        default: std::memcpy(to, &whole, type.bytes);
    }
}

void parse_fill(const Json& json, ZarrArray& array) {
    array.fill.assign(array.type.bytes, std::byte{0});
    if (!json.contains("fill_value")) return;
    const Json& fill = json["fill_value"];
    if (array.type.kind == ZarrType::Kind::vlen_utf8) {
        if (fill.is_string()) array.fill_text = fill.get<std::string>();
        return;
    }
    double value = 0;
    if (fill.is_boolean())
        value = fill.get<bool>() ? 1 : 0;
    else if (fill.is_number())
        value = fill.get<double>();
    else if (fill.is_string() && fill == "NaN")
        value = std::nan("");
    else if (fill.is_string() && fill == "Infinity")
        value = HUGE_VAL;
    else if (fill.is_string() && fill == "-Infinity")
        value = -HUGE_VAL;
    if (value == 0 || array.type.kind != ZarrType::Kind::number) return;
    put_number(array.fill.data(), array.type, value);
    if (array.type.is_big_endian) std::reverse(array.fill.begin(), array.fill.end());
}

/// A member that is an object; an empty one else.
Json object_in(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_object() ? *found : Json::object();
}

std::string text_in(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Version 3 calls a type by its words: "uint16" is "<u2" of version 2.
std::string type_of_version_2(std::string_view name, char order) {
    for (const auto& [word, letter] : {std::pair{"uint", 'u'}, {"int", 'i'}, {"float", 'f'}}) {
        if (!name.starts_with(word)) continue;
        const std::string_view bits = name.substr(std::string_view(word).size());
        for (const int width : {1, 2, 4, 8})
            if (bits == std::to_string(width * 8))
                return fmt::format("{}{}{}", order, letter, width);
    }
    return name == "bool" ? "|b1" : "";
}

/// The codecs of one chunk, in the order that they must have.
struct Codecs {
    char order = '|';
    std::string compressor;
    bool is_column_major = false, are_texts = false, has_checksum = false;
};

/// A transposition turns every axis around, or none.
Result<bool> is_reversing(const std::string& place, const Json& configuration) {
    const Json order = configuration.value("order", Json());
    bool is_same = order.is_array(), is_reversed = order.is_array();
    for (std::size_t i = 0; order.is_array() && i < order.size(); ++i) {
        is_same = is_same && order[i] == i;
        is_reversed = is_reversed && order[i] == order.size() - 1 - i;
    }
    if (is_same || is_reversed) return !is_same;
    return fail(ErrorCode::unsupported, place + ": this transposition of its axes is not read");
}

Result<Codecs> codecs_in(const std::string& place, const Json& json) {
    const auto list = json.find("codecs");
    if (list == json.end() || !list->is_array() || list->empty() || list->size() > 8)
        return bad_zarr(place, "'codecs' is no list of 1 to 8");
    Codecs codecs;
    int stage = 0;  // before numbers are bytes, then before they are packed, then behind
    for (std::size_t at = 0; at < list->size(); ++at) {
        const Json& codec = (*list)[at];
        std::string name = codec.is_object() ? text_in(codec, "name") : "";
        const Json configuration =
            codec.is_object() ? object_in(codec, "configuration") : Json::object();
        if (name.starts_with("numcodecs.")) name.erase(0, 10);
        if (name == "transpose" && stage == 0) {
            codecs.is_column_major = TRY(is_reversing(place, configuration));
        } else if (name == "bytes" && stage == 0) {
            const std::string endian = text_in(configuration, "endian");
            codecs.order = endian == "big" ? '>' : endian == "little" ? '<' : '|';
            stage = 1;
        } else if (name == "vlen-utf8" && stage == 0) {
            codecs.are_texts = true;
            stage = 1;
        } else if (stage == 1 && !name.empty() && knows_codec(name)) {
            codecs.compressor = name;
            stage = 2;
        } else if (name == "crc32c" && (stage == 1 || stage == 2)) {
            codecs.has_checksum = true;
            stage = 3;
        } else {
            return fail(ErrorCode::unsupported,
                        fmt::format("{}: codec '{}' is not read at place {}", place, name, at + 1));
        }
    }
    if (stage == 0) return bad_zarr(place, "its codecs make no bytes");
    return codecs;
}

/// The index of a shard: little-endian numbers, not packed, perhaps with a checksum.
Result<void> parse_index_codecs(const std::string& place, const Json& shard, ZarrArray& array) {
    const auto list = shard.find("index_codecs");
    const bool is_list = list != shard.end() && list->is_array() && !list->empty();
    for (std::size_t at = 0; is_list && at < list->size(); ++at) {
        const Json& codec = (*list)[at];
        const std::string name = codec.is_object() ? text_in(codec, "name") : "";
        if (at == 0 && name == "bytes" &&
            text_in(object_in(codec, "configuration"), "endian") != "big")
            continue;
        if (at != 1 || name != "crc32c")
            return fail(ErrorCode::unsupported,
                        fmt::format("{}: codec '{}' of a shard's index is not read", place, name));
        array.index_has_checksum = true;
    }
    if (!is_list) return bad_zarr(place, "a shard without 'index_codecs'");
    array.index_comes_first = text_in(shard, "index_location") == "start";
    return {};
}

/// A shard's chunks become the array's; what the array calls a chunk is a shard.
Result<void> parse_shards(const std::string& place, const Json& shard, ZarrArray& array) {
    std::vector<std::uint64_t> inner = TRY(parse_lengths(place, shard, "chunk_shape"));
    if (inner.size() != array.chunks.size())
        return bad_zarr(place, "'chunk_shape' of its shards has another length");
    std::uint64_t count = 1;
    for (std::size_t i = 0; i < inner.size(); ++i) {
        if (inner[i] == 0 || array.chunks[i] % inner[i] != 0)
            return bad_zarr(place, "its chunks don't fill its shards");
        const std::uint64_t along = array.chunks[i] / inner[i];
        array.per_shard.push_back(along);
        if (along > shard_chunks_max / count)
            return fail(ErrorCode::exhausted,
                        fmt::format("{}: more than {} chunks in a shard", place, shard_chunks_max));
        count *= along;
    }
    array.chunks = std::move(inner);
    array.indexes = std::make_shared<ShardIndexes>();
    return parse_index_codecs(place, shard, array);
}

Result<ZarrType> type_of_version_3(const std::string& place, const Json& json,
                                   const Codecs& codecs) {
    const Json called = json.value("data_type", Json());
    const std::string name = called.is_string()   ? called.get<std::string>()
                             : called.is_object() ? text_in(called, "name")
                                                  : "";
    if (codecs.are_texts && (name == "string" || name == "variable_length_utf8"))
        return parse_simple_type(place, "|O");
    std::string type = type_of_version_2(name, codecs.order);
    if (called.is_object()) {
        const Json bytes = object_in(called, "configuration").value("length_bytes", Json());
        const std::uint64_t length = bytes.is_number_unsigned() ? bytes.get<std::uint64_t>() : 0;
        if (name == "fixed_length_utf32" && length % 4 == 0)
            type = fmt::format("{}U{}", codecs.order, length / 4);
        if (name == "null_terminated_bytes") type = fmt::format("|S{}", length);
    }
    const bool needs_order = !type.ends_with('1') && name != "null_terminated_bytes";
    if (type.empty() || codecs.are_texts || (codecs.order == '|' && needs_order))
        return fail(ErrorCode::unsupported,
                    fmt::format("{}: data_type '{}' is not read", place, name));
    return parse_simple_type(place, type);
}

Result<void> parse_codecs(const std::string& place, const Json& json, ZarrArray& array) {
    const auto list = json.find("codecs");
    Json shard;
    if (list != json.end() && list->is_array() && list->size() == 1 && (*list)[0].is_object() &&
        text_in((*list)[0], "name") == "sharding_indexed") {
        shard = object_in((*list)[0], "configuration");
        TRY(parse_shards(place, shard, array));
    }
    Codecs codecs = TRY(codecs_in(place, shard.is_null() ? json : shard));
    array.type = TRY(type_of_version_3(place, json, codecs));
    array.compressor = std::move(codecs.compressor);
    array.is_column_major = codecs.is_column_major;
    array.chunks_have_checksum = codecs.has_checksum;
    return {};
}

/// path/zarr.json of version 3.
Result<ZarrArray> open_zarr_array_3(const ZarrStore& store, std::string_view path) {
    const std::string key = under(path, "zarr.json");
    const std::string place = store.place(key);
    if (!store.has(key)) return bad_zarr(place, "is missing");
    const Bytes text = TRY(store.get(key));
    const Json json = TRY_WITH(parse_json(as_text(text)), place);
    if (!json.is_object() || json.value("zarr_format", Json(0)) != 3 ||
        text_in(json, "node_type") != "array")
        return bad_zarr(place, "is no array of Zarr version 3");
    const Json grid = object_in(json, "chunk_grid"), keys = object_in(json, "chunk_key_encoding");
    if (text_in(grid, "name") != "regular")
        return fail(ErrorCode::unsupported, place + ": only a regular 'chunk_grid' is read");
    ZarrArray array;
    array.path = std::string(path);
    array.shape = TRY(parse_lengths(place, json, "shape"));
    array.chunks = TRY(parse_lengths(place, object_in(grid, "configuration"), "chunk_shape"));
    if (array.shape.size() != array.chunks.size())
        return bad_zarr(place, "'shape' and 'chunk_shape' have different length");
    if (std::find(array.chunks.begin(), array.chunks.end(), 0) != array.chunks.end())
        return bad_zarr(place, "'chunk_shape' holds 0");
    TRY(product(place, array.shape, elements_max, "an array"));
    TRY(parse_codecs(place, json, array));
    TRY(product(place, array.chunks, chunk_bytes_max / std::max<std::size_t>(array.type.bytes, 1),
                "a chunk"));
    array.has_chunk_prefix = text_in(keys, "name") != "v2";
    const std::string separator = text_in(object_in(keys, "configuration"), "separator");
    array.separator = separator.size() == 1 ? separator[0] : array.has_chunk_prefix ? '/' : '.';
    if (array.separator != '/' && array.separator != '.')
        return bad_zarr(place, "the separator of 'chunk_key_encoding' is neither / nor .");
    parse_fill(json, array);
    return array;
}

}  // namespace

tl::unexpected<Error> bad_zarr(const std::string& place, std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("{}: {}", place, what));
}

std::uint64_t ZarrArray::element_count() const {
    std::uint64_t count = 1;
    for (const std::uint64_t length : shape) count *= length;
    return count;
}

std::uint64_t ZarrArray::chunk_elements() const {
    std::uint64_t count = 1;
    for (const std::uint64_t length : chunks) count *= length;
    return count;
}

std::string ZarrArray::chunk_key(const std::vector<std::uint64_t>& place) const {
    std::string key = path.empty() ? "" : path + "/";
    if (has_chunk_prefix) key += place.empty() ? "c" : std::string("c") + separator;
    if (place.empty()) return has_chunk_prefix ? key : key + "0";
    for (std::size_t i = 0; i < place.size(); ++i) {
        if (i > 0) key += separator;
        key += std::to_string(per_shard.empty() ? place[i] : place[i] / per_shard[i]);
    }
    return key;
}

Result<ZarrArray> open_zarr_array(const ZarrStore& store, std::string_view path) {
    const std::string key = under(path, ".zarray");
    const std::string place = store.place(key);
    if (!store.has(key) && store.has(under(path, "zarr.json")))
        return open_zarr_array_3(store, path);
    if (!store.has(key)) return bad_zarr(place, "is missing");
    const Bytes text = TRY(store.get(key));
    const Json json = TRY_WITH(parse_json(as_text(text)), place);
    if (!json.is_object()) return bad_zarr(place, "is not a JSON object");
    if (json.value("zarr_format", Json(0)) != 2)
        return fail(ErrorCode::unsupported, place + ": only Zarr version 2 is read");
    ZarrArray array;
    array.path = std::string(path);
    array.shape = TRY(parse_lengths(place, json, "shape"));
    array.chunks = TRY(parse_lengths(place, json, "chunks"));
    if (array.shape.size() != array.chunks.size())
        return bad_zarr(place, "'shape' and 'chunks' have different length");
    if (std::find(array.chunks.begin(), array.chunks.end(), 0) != array.chunks.end())
        return bad_zarr(place, "'chunks' holds 0");
    TRY(product(place, array.shape, elements_max, "an array"));
    if (!json.contains("dtype")) return bad_zarr(place, "has no dtype");
    array.type = TRY(parse_type(place, json["dtype"]));
    TRY(product(place, array.chunks, chunk_bytes_max / std::max<std::size_t>(array.type.bytes, 1),
                "a chunk"));
    TRY(parse_filters(place, json, array));
    if (json.contains("compressor") && json["compressor"].is_object()) {
        const Json id = json["compressor"].value("id", Json(""));
        array.compressor = id.is_string() ? id.get<std::string>() : "?";
        if (array.compressor.empty() || !knows_codec(array.compressor))
            return fail(ErrorCode::unsupported,
                        fmt::format("{}: compressor '{}' is not known", place, array.compressor));
    }
    array.is_column_major = json.value("order", Json("C")) == "F";
    if (json.value("dimension_separator", Json(".")) == "/") array.separator = '/';
    parse_fill(json, array);
    return array;
}

Result<Bytes> read_zarr_chunk(const ZarrStore& store, const ZarrArray& array,
                              const std::vector<std::uint64_t>& place) {
    if (auto packed = TRY(read_packed_chunk(store, array, place)))
        return TRY_WITH(unpack_chunk(array.compressor, *std::move(packed), array.chunk_bytes(),
                                     chunk_bytes_max),
                        store.place(array.chunk_key(place)));
    Bytes bytes(array.chunk_bytes());
    if (std::any_of(array.fill.begin(), array.fill.end(),
                    [](std::byte byte) { return byte != std::byte{0}; }))
        for (std::size_t at = 0; at < bytes.size(); at += array.fill.size())
            std::copy(array.fill.begin(), array.fill.end(), bytes.begin() + at);
    return bytes;
}

bool has_zarr_array(const ZarrStore& store, std::string_view path) {
    if (store.has(under(path, ".zarray"))) return true;
    const auto text = store.get(under(path, "zarr.json"));
    if (!text) return false;
    const auto json = parse_json(as_text(*text));
    return json && json->is_object() && text_in(*json, "node_type") == "array";
}

bool holds_texts(const ZarrArray& array) {
    return array.type.kind == ZarrType::Kind::fixed_bytes ||
           array.type.kind == ZarrType::Kind::fixed_unicode ||
           array.type.kind == ZarrType::Kind::vlen_utf8;
}

ValueType native_type(const ZarrType& type) { return type.number; }

Bytes to_native(Bytes bytes, const ZarrType& type) {
    if (type.is_big_endian && type.bytes > 1)
        for (std::size_t at = 0; at < bytes.size(); at += type.bytes)
            std::reverse(bytes.begin() + at, bytes.begin() + at + type.bytes);
    if (type.kind != ZarrType::Kind::half) return bytes;
    Bytes wide(bytes.size() * 2);
    for (std::size_t i = 0; i < bytes.size() / 2; ++i) {
        const auto half = load<std::uint16_t>(bytes.data() + i * 2);
        const int exponent = (half >> 10) & 31, fraction = half & 1023;
        double value = exponent == 0    ? std::ldexp(fraction, -24)
                       : exponent == 31 ? (fraction != 0 ? std::nan("") : HUGE_VAL)
                                        : std::ldexp(fraction + 1024, exponent - 25);
        if ((half & 0x8000) != 0) value = -value;
        store(wide.data() + i * 4, static_cast<float>(value));
    }
    return wide;
}

}  // namespace stroma::expression
