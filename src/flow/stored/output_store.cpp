#include "flow/stored/output_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"

namespace stroma::flow {
namespace {

constexpr std::uint64_t manifest_bytes_max = 64u << 20;
constexpr std::size_t files_max = 100'000;

tl::unexpected<Error> broken(std::string message) {
    return fail(ErrorCode::invalid_input, "outputs.json: " + std::move(message));
}

bool is_inside(const std::string& name) {
    const fs::path path(name);
    if (name.empty() || name.size() > 1000 || path.is_absolute()) return false;
    return std::ranges::none_of(path, [](const fs::path& part) { return part == ".."; });
}

Result<OutputFile> take_file(const fs::path& folder, const std::string& name) {
    if (!is_inside(name)) return broken(fmt::format("'{}' isn't a name within the folder", name));
    const fs::path path = folder / name;
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0)
        return broken(fmt::format("it names '{}', which isn't there", name));
    if (!S_ISREG(found.st_mode)) return broken(fmt::format("'{}' isn't a plain file", name));
    OutputFile file{name, static_cast<std::uint64_t>(found.st_size), TRY(hash_of_file(path))};
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) return fail(error_from_errno("opening", path.string(), errno));
    File open(descriptor, path.string());
    if (::fchmod(descriptor, 0440) != 0)
        return fail(error_from_errno("protecting", path.string(), errno));
    TRY(open.sync());
    return file;
}

/// A folder and what is in it, also what was made read-only.
void remove_folder(const fs::path& path) {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(path, error))
        if (entry.is_directory(error) && !entry.is_symlink(error))
            fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add, error);
    fs::remove_all(path, error);
}

}  // namespace

std::uint64_t Manifest::bytes() const {
    std::uint64_t sum = 0;
    for (const OutputFile& file : files) sum += file.bytes;
    return sum;
}

const OutputFile* Manifest::find(std::string_view wanted) const {
    const auto found = std::ranges::find(files, wanted, &OutputFile::name);
    return found == files.end() ? nullptr : &*found;
}

std::string Manifest::hash() const {
    ContentHash hash;
    for (const auto& [name, names] : outputs)
        for (const std::string& file : names)
            hash.update(as_bytes(fmt::format("{}\n{}\n{}\n", name, file, find(file)->hash)));
    return hash.hex();
}

std::string Manifest::json() const {
    Json json{{"files", Json::array()}, {"outputs", outputs}, {"pictures", pictures}};
    for (const OutputFile& file : files)
        json["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"hash", file.hash}});
    json["summary"] = summary.empty() ? Json(nullptr) : Json::parse(summary);
    return json.dump();
}

Result<Manifest> Manifest::from_json(std::string_view text) {
    const Json json = TRY(parse_json(text, {.bytes_max = manifest_bytes_max}));
    Manifest manifest;
    for (const Json& file : json.at("files"))
        manifest.files.push_back({file.at("name").get<std::string>(),
                                  file.at("bytes").get<std::uint64_t>(),
                                  file.at("hash").get<std::string>()});
    manifest.outputs = json.at("outputs").get<std::map<std::string, std::vector<std::string>>>();
    manifest.pictures = json.at("pictures").get<std::vector<std::string>>();
    manifest.summary = json.at("summary").dump();
    return manifest;
}

Result<std::string> hash_of_file(const fs::path& path, const std::function<bool()>& cancelled) {
    const File file = TRY(File::open_to_read(path));
    const std::uint64_t size = TRY(file.size());
    ContentHash hash;
    Bytes piece(std::size_t{1} << 20);
    for (std::uint64_t at = 0; at < size;) {
        if (cancelled && cancelled()) return fail(ErrorCode::cancelled, "hashing was called off");
        const std::size_t count =
            static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - at));
        const std::span<std::byte> part(piece.data(), count);
        TRY(file.read_at(at, part));
        hash.update(part);
        at += count;
    }
    return hash.hex();
}

Result<Manifest> take_manifest(const fs::path& folder, const std::vector<std::string>& promised) {
    const auto text = read_file(folder / "outputs.json", manifest_bytes_max);
    if (!text) return broken("it isn't there or can't be read");
    const auto json = parse_json(*text, {.bytes_max = manifest_bytes_max});
    if (!json) return broken(json.error().message);
    if (!json->is_object() || !json->contains("outputs") || !json->at("outputs").is_object())
        return broken("it must be an object with a member 'outputs' of lists of files");
    Manifest manifest;
    std::map<std::string, OutputFile> files;
    const auto take = [&](const Json& name) -> Result<std::string> {
        if (!name.is_string()) return broken("a file's name must be a text");
        const auto text_of_name = name.get<std::string>();
        if (files.size() > files_max) return broken("it names more than 100000 files");
        if (!files.contains(text_of_name))
            files[text_of_name] = TRY(take_file(folder, text_of_name));
        return text_of_name;
    };
    for (const auto& [name, list] : json->at("outputs").items()) {
        std::vector<std::string>& names = manifest.outputs[name];
        if (list.is_string()) {
            names.push_back(TRY(take(list)));
            continue;
        }
        if (!list.is_array()) return broken(fmt::format("output '{}' must be a list", name));
        for (const Json& file : list) names.push_back(TRY(take(file)));
    }
    for (const std::string& name : promised)
        if (!manifest.outputs.contains(name))
            return broken(fmt::format("the promised output '{}' is missing", name));
    for (const Json& picture : json->value("pictures", Json::array()))
        manifest.pictures.push_back(TRY(take(picture)));
    manifest.summary = json->contains("summary") ? json->at("summary").dump() : "null";
    for (auto& file : files) manifest.files.push_back(std::move(file.second));
    TRY(sync_folder(folder));
    return manifest;
}

fs::path OutputStore::path_of(std::string_view key) const {
    return folder_ / std::string(key.substr(0, 2)) / std::string(key);
}

Result<void> OutputStore::put(std::string_view key, const fs::path& from) {
    const fs::path to = path_of(key);
    TRY(make_folders(to.parent_path()));
    std::error_code error;
    if (fs::exists(to, error)) remove_folder(to);
    TRY(rename_file(from, to));
    TRY(sync_folder(to.parent_path()));
    return {};
}

Result<void> OutputStore::remove(std::string_view key) {
    // Out of sight at once, so that no reader meets half of it.
    const fs::path at = path_of(key), gone = at.string() + ".gone";
    std::error_code error;
    if (!fs::exists(at, error)) return {};
    TRY(rename_file(at, gone));
    remove_folder(gone);
    return {};
}

bool OutputStore::has(std::string_view key, const Manifest& manifest) const {
    const fs::path folder = path_of(key);
    std::error_code error;
    return fs::is_directory(folder, error) &&
           std::ranges::all_of(manifest.files, [&](const OutputFile& file) {
               return fs::file_size(folder / file.name, error) == file.bytes && !error;
           });
}

int OutputStore::sweep(const std::function<bool(const std::string&)>& is_known) {
    int swept = 0;
    std::error_code error;
    for (const auto& first : fs::directory_iterator(folder_, error)) {
        std::error_code inner;
        for (const auto& entry : fs::directory_iterator(first.path(), inner)) {
            if (is_known(entry.path().filename())) continue;
            remove_folder(entry.path());
            ++swept;
        }
    }
    return swept;
}

}  // namespace stroma::flow
