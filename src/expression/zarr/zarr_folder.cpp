#include "expression/zarr/zarr_folder.h"

#include <blosc.h>

#include <algorithm>
#include <cassert>

#include "base/json.h"
#include "expression/output/deflate.h"

namespace stroma::expression {
namespace {

constexpr int lz4_level = 5, zstd_level = 3;

std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + "/" + std::string(name);
}

Json compressor_json(ZarrCodec codec) {
    switch (codec) {
        case ZarrCodec::none: return nullptr;
        case ZarrCodec::gzip: return {{"id", "gzip"}, {"level", zarr_gzip_level}};
        case ZarrCodec::lz4:
        case ZarrCodec::zstd: break;
    }
    const bool lz4 = codec == ZarrCodec::lz4;
    return {{"blocksize", 0},
            {"clevel", lz4 ? lz4_level : zstd_level},
            {"cname", lz4 ? "lz4" : "zstd"},
            {"id", "blosc"},
            {"shuffle", 1}};
}

Json attribute_json(const AttributeValue& value) {
    return std::visit([](const auto& each) { return Json(each); }, value);
}

}  // namespace

void compress_blosc(ByteSpan bytes, std::size_t value_bytes, ZarrCodec codec,
                    std::size_t block_bytes, Bytes& out) {
    const bool lz4 = codec == ZarrCodec::lz4;
    out.resize(bytes.size() + BLOSC_MAX_OVERHEAD);
    // The context call shares nothing between threads.
    const int made = blosc_compress_ctx(lz4 ? lz4_level : zstd_level, BLOSC_SHUFFLE, value_bytes,
                                        bytes.size(), bytes.data(), out.data(), out.size(),
                                        lz4 ? "lz4" : "zstd", block_bytes, 1);
    assert(made > 0);
    out.resize(static_cast<std::size_t>(made));
}

Result<ZarrCodec> zarr_codec(std::string_view compression) {
    if (compression.empty() || compression == "lz4") return ZarrCodec::lz4;
    if (compression == "zstd") return ZarrCodec::zstd;
    if (compression == "gzip") return ZarrCodec::gzip;
    if (compression == "none") return ZarrCodec::none;
    return fail(ErrorCode::unsupported, "zarr compression '" + std::string(compression) +
                                            "' is not known; use lz4, zstd, gzip or none");
}

std::string zarr_dtype(ValueType type) {
    const std::string bytes = std::to_string(size_of(type));
    if (type == ValueType::boolean) return "\"|b1\"";
    const std::string order = size_of(type) == 1 ? "|" : "<";
    const std::string_view name = name_of(type);
    const char kind = name.starts_with("float") ? 'f' : name.starts_with("uint") ? 'u' : 'i';
    return "\"" + order + kind + bytes + "\"";
}

Result<void> ZarrFolder::add_json(const std::string& name, const std::string& json) {
    described_.emplace(name, json);
    bytes_ += json.size();
    return write_new_file(output_.working_path() / name, as_bytes(json), durable_);
}

Result<void> ZarrFolder::add_attributes(const std::string& path, const Attributes& attributes) {
    if (attributes.empty()) return {};
    Json json = Json::object();
    for (const auto& [name, value] : attributes) json[name] = attribute_json(value);
    // Ids may hold bytes that are no UTF-8; JSON may not.
    return add_json(join(path, ".zattrs"), json.dump(4, ' ', true, Json::error_handler_t::replace));
}

Result<void> ZarrFolder::add_group(const std::string& path, const Attributes& attributes) {
    TRY(output_.make_folders(output_.working_path() / path));
    TRY(add_json(join(path, ".zgroup"), Json({{"zarr_format", 2}}).dump(4)));
    return add_attributes(path, attributes);
}

Result<void> ZarrFolder::add_array(const std::string& path, const ZarrDescription& array,
                                   const Attributes& attributes) {
    TRY(output_.make_folders(output_.working_path() / path));
    Json json = Json::object();
    json["chunks"] = array.chunks;
    json["compressor"] = compressor_json(array.codec);
    json["dtype"] = TRY(parse_json(array.dtype));
    json["fill_value"] = TRY(parse_json(array.fill));
    json["filters"] = nullptr;
    if (array.texts_of_any_length) json["filters"] = Json::array({{{"id", "vlen-utf8"}}});
    json["order"] = "C";
    json["shape"] = array.shape;
    json["zarr_format"] = 2;
    TRY(add_json(join(path, ".zarray"), json.dump(4)));
    return add_attributes(path, attributes);
}

Result<void> ZarrFolder::add_chunk(const std::string& path, const ZarrDescription& array,
                                   std::string_view chunk_name, ByteSpan bytes) {
    thread_local Bytes packed;
    ByteSpan written = bytes;
    if (array.codec == ZarrCodec::gzip) {
        deflate_whole(bytes, Deflated::gzip, zarr_gzip_level, packed);
        written = packed;
    } else if (array.codec != ZarrCodec::none) {
        if (bytes.size() > BLOSC_MAX_BUFFERSIZE)
            return fail(ErrorCode::unsupported, path + " has a chunk of more than 2 GiB");
        compress_blosc(bytes, array.value_bytes, array.codec, 0, packed);
        written = packed;
    }
    bytes_ += written.size();
    return write_new_file(output_.working_path() / path / chunk_name, written, durable_);
}

Result<File> ZarrFolder::make_chunk(const std::string& path, std::string_view chunk_name) const {
    return File::create(output_.working_path() / path / chunk_name);
}

Result<void> ZarrFolder::finish_chunk(File& file, std::uint64_t bytes) {
    bytes_ += bytes;
    if (durable_) return file.sync();
    return {};
}

Result<void> ZarrFolder::consolidate() {
    Json metadata = Json::object();
    JsonLimits limits;
    limits.bytes_max = std::size_t{1} << 30;
    for (const auto& [name, json] : described_) metadata[name] = TRY(parse_json(json, limits));
    Json all = Json::object();
    all["metadata"] = std::move(metadata);
    all["zarr_consolidated_format"] = 1;
    return add_json(".zmetadata", all.dump(4, ' ', true));
}

}  // namespace stroma::expression
