#include "load/hca/hca_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/digest.h"
#include "base/json.h"
#include "base/threads.h"

namespace stroma::loading {
namespace {

constexpr std::uint64_t manifest_bytes_max = 64u << 20;

std::string text_of(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

tl::unexpected<Error> bad(std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("bundle manifest: {}", what));
}

Result<HcaFile> parse_file(const Json& json) {
    if (!json.is_object()) return bad("an entry of 'files' is not an object");
    HcaFile file;
    file.name = text_of(json, "name");
    file.uuid = text_of(json, "uuid");
    file.version = text_of(json, "version");
    file.content_type = text_of(json, "content-type");
    file.sha256 = text_of(json, "sha256");
    file.sha1 = text_of(json, "sha1");
    file.crc32c = text_of(json, "crc32c");
    file.s3_etag = text_of(json, "s3_etag");
    const auto size = json.find("size");
    if (size != json.end() && size->is_number_unsigned()) file.size = size->get<std::uint64_t>();
    const auto indexed = json.find("indexed");
    file.indexed = indexed != json.end() && indexed->is_boolean() && indexed->get<bool>();
    if (file.name.empty()) return bad("a file has no name");
    if (file.sha256.size() != 64)
        return bad(fmt::format("file '{}' has no sha256 of 64 digits", file.name));
    if (file.name.front() == '/' || file.name.find("..") != std::string::npos)
        return bad(fmt::format("file name '{}' leaves the bundle", file.name));
    std::transform(file.sha256.begin(), file.sha256.end(), file.sha256.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
    return file;
}

struct Hashed {
    std::string sha256;
    std::uint64_t size = 0;
};

Result<Hashed> hash_file(expression::InputFiles& files, const std::string& name) {
    const File file = TRY(files.open(name));
    Hashed hashed{{}, TRY(file.size())};
    Digest digest(DigestKind::sha256);
    Bytes buffer(std::min<std::uint64_t>(hashed.size, 1u << 20));
    for (std::uint64_t at = 0; at < hashed.size; at += buffer.size()) {
        const auto part =
            std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), hashed.size - at));
        TRY(file.read_at(at, part));
        digest.update(ByteSpan(part));
    }
    hashed.sha256 = digest.hex();
    return hashed;
}

}  // namespace

bool HcaFile::is_metadata() const {
    return content_type.find("dcp-type=\"metadata") != std::string::npos;
}

const HcaFile* HcaManifest::find(std::string_view name) const {
    const std::string key = hca_key(name);
    for (const HcaFile& file : files)
        if (hca_key(file.name) == key) return &file;
    return nullptr;
}

Result<HcaManifest> parse_hca_manifest(std::string_view text) {
    const JsonLimits limits{.bytes_max = manifest_bytes_max};
    const Json json = TRY_WITH(parse_json(text, limits), "bundle manifest");
    const Json& bundle = json.is_object() && json.contains("bundle") ? json["bundle"] : json;
    if (!bundle.is_object() || !bundle.contains("files") || !bundle["files"].is_array())
        return bad("it has no list 'files'");
    HcaManifest manifest;
    manifest.uuid = text_of(bundle, "uuid");
    manifest.version = text_of(bundle, "version");
    if (manifest.uuid.empty() || manifest.version.empty()) return bad("it has no uuid and version");
    std::set<std::string> names;
    for (const Json& entry : bundle["files"]) {
        HcaFile file = TRY(parse_file(entry));
        if (!names.insert(file.name).second)
            return bad(fmt::format("file '{}' is listed twice", file.name));
        manifest.files.push_back(std::move(file));
    }
    return manifest;
}

std::string hca_key(std::string_view name) {
    std::string key(name);
    const std::size_t zarr = key.find(".zarr");
    if (zarr == std::string::npos) return key;
    std::replace(key.begin() + static_cast<std::ptrdiff_t>(zarr), key.end(), '/', '!');
    constexpr std::string_view level = "!expression_matrix!";
    if (key.compare(zarr + 5, level.size(), level) == 0) key.erase(zarr + 5, level.size() - 1);
    return key;
}

Result<std::optional<FoundManifest>> find_hca_manifest(const fs::path& folder) {
    const fs::path clean = fs::absolute(folder).lexically_normal();
    const fs::path home = clean.has_filename() ? clean : clean.parent_path();
    const std::string name = home.filename().string();
    const fs::path above = home.parent_path();
    const std::string stem = name.substr(0, name.find('.'));
    const fs::path inside[] = {home / "bundle.json", home / "manifest.json",
                               home / (name + ".json")};
    const fs::path beside[] = {above / (name + ".json"),
                               above.parent_path() / "bundle_manifests" / (name + ".json"),
                               above / (stem + "_manifest.json")};
    std::error_code ignored;
    const auto take = [&](const fs::path& path,
                          bool is_inside) -> Result<std::optional<FoundManifest>> {
        if (!fs::is_regular_file(path, ignored)) return std::nullopt;
        FoundManifest found{TRY(read_file(path, manifest_bytes_max)), path.filename().string()};
        const auto manifest = parse_hca_manifest(found.text);
        if (!manifest) {
            if (is_inside && path.filename() == "manifest.json") return std::nullopt;
            return fail(manifest.error().with(path.filename().string()));
        }
        found.binds = is_inside || manifest->fqid() == name;
        return found;
    };
    for (const fs::path& path : inside)
        if (auto found = TRY(take(path, true))) return found;
    for (const fs::path& path : beside)
        if (auto found = TRY(take(path, false))) return found;
    return std::nullopt;
}

std::string FileReport::summary() const {
    return fmt::format("{} match, {} differ, {} absent of {}", match.size(), differ.size(),
                       absent.size(), match.size() + differ.size() + absent.size());
}

Result<FileReport> verify_hca_files(expression::InputFiles& files, const HcaManifest& manifest) {
    std::map<std::string, std::string> names;
    for (const std::string& name : TRY(files.list())) names.emplace(hca_key(name), name);
    std::vector<std::optional<Hashed>> hashes(manifest.files.size());
    TRY(parallel_for(manifest.files.size(), [&](std::size_t i) -> Result<void> {
        const auto found = names.find(hca_key(manifest.files[i].name));
        if (found == names.end()) return {};
        auto hashed = hash_file(files, found->second);
        if (!hashed) return fail(std::move(hashed.error()));
        hashes[i] = *std::move(hashed);
        return {};
    }));
    FileReport report;
    for (std::size_t i = 0; i < manifest.files.size(); ++i) {
        const HcaFile& file = manifest.files[i];
        if (!hashes[i])
            report.absent.push_back(file.name);
        else if (hashes[i]->sha256 == file.sha256)
            report.match.push_back(file.name);
        else
            report.differ.push_back({file.name, file.sha256, hashes[i]->sha256, file.size,
                                     hashes[i]->size, file.is_metadata()});
    }
    return report;
}

}  // namespace stroma::loading
