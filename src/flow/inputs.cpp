#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "base/utf8.h"
#include "flow/engine_state.h"

namespace stroma::flow {
namespace {

constexpr std::size_t run_files_max = 1'000'000;

bool matches(const std::string& name, const std::string& patterns) {
    std::istringstream words(patterns);
    for (std::string pattern; words >> pattern;)
        if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0) return true;
    return false;
}

/// "a/b.ome.tiff" → "a/b"
std::string label_of(const std::string& name) {
    const std::size_t slash = name.rfind('/');
    const std::size_t from = slash == std::string::npos ? 0 : slash + 1;
    const std::size_t dot = name.find('.', from + 1);
    return name.substr(0, dot);
}

Result<InputFile> input_file(const RunInput& input, const std::string& name, const fs::path& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
        return fail(error_from_errno("reading", path.string(), errno));
    return InputFile{input.name,
                     label_of(name),
                     path,
                     static_cast<std::uint64_t>(found.st_size),
                     found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec,
                     static_cast<std::int64_t>(found.st_ino),
                     ""};
}

Result<std::vector<std::string>> names_below(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (auto entry = fs::recursive_directory_iterator(folder, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        if (entry.depth() > 8) entry.disable_recursion_pending();
        if (!entry->is_regular_file()) continue;
        names.push_back(fs::relative(entry->path(), folder));
        if (names.size() > run_files_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("{} holds more than a million files", folder.string()));
    }
    if (error) return fail(error_from_errno("listing", folder.string(), error.value()));
    std::ranges::sort(names);
    return names;
}

}  // namespace

Result<std::vector<InputFile>> find_inputs(const Definition& definition, const fs::path& location) {
    std::error_code error;
    const bool is_file = fs::is_regular_file(location, error);
    if (!is_file && !fs::is_directory(location, error))
        return fail(ErrorCode::invalid_input,
                    fmt::format("there is no folder or file '{}'", location.string()));
    const fs::path folder = is_file ? location.parent_path() : location;
    const std::vector<std::string> names =
        is_file ? std::vector<std::string>{location.filename()} : TRY(names_below(folder));
    std::vector<InputFile> files;
    for (const RunInput& input : definition.inputs) {
        const std::size_t before = files.size();
        std::set<std::string> labels;
        for (const std::string& name : names) {
            if (!matches(name, input.pattern)) continue;
            if (!is_utf8(name))
                return fail(ErrorCode::invalid_input,
                            fmt::format("a file below {} has a name that isn't UTF-8; rename it",
                                        location.string()));
            InputFile file = TRY(input_file(input, name, folder / name));
            // Of two that differ in their endings only, the second is called by its whole name.
            if (!labels.insert(file.label).second) file.label = name;
            labels.insert(file.label);
            files.push_back(std::move(file));
        }
        if (files.size() == before)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} holds no file '{}' for the pipeline's input '{}'",
                                    location.string(), input.pattern, input.name));
    }
    return files;
}

std::string inputs_json(const std::vector<InputFile>& files) {
    Json json = Json::array();
    for (const InputFile& file : files)
        json.push_back({{"input", file.input},
                        {"label", file.label},
                        {"path", file.path.string()},
                        {"bytes", file.bytes},
                        {"modified_ns", file.modified_ns},
                        {"number", file.number},
                        {"hash", file.hash}});
    return json.dump();
}

std::vector<InputFile> inputs_in(const std::string& text) {
    std::vector<InputFile> files;
    const auto json = parse_json(text, {.bytes_max = 1u << 30});
    if (!json || !json->is_array()) return files;
    for (const Json& file : *json)
        files.push_back({file.value("input", ""), file.value("label", ""), file.value("path", ""),
                         file.value("bytes", std::uint64_t{0}),
                         file.value("modified_ns", std::int64_t{0}),
                         file.value("number", std::int64_t{0}), file.value("hash", "")});
    return files;
}

std::string item_of(const Coordinates& coordinates) {
    std::string item;
    for (const Coordinate& one : coordinates) item += (item.empty() ? "" : "/") + one.label;
    return item;
}

std::string coordinates_json(const Coordinates& coordinates) {
    Json json = Json::array();
    for (const Coordinate& one : coordinates)
        json.push_back(Json::array({one.dimension, one.label, one.value}));
    return json.dump();
}

Coordinates coordinates_in(const std::string& text) {
    Coordinates coordinates;
    const auto json = parse_json(text);
    if (!json || !json->is_array()) return coordinates;
    for (const Json& one : *json)
        coordinates.push_back({one.at(0).get<std::string>(), one.at(1).get<std::string>(),
                               one.at(2).get<std::string>()});
    return coordinates;
}

}  // namespace stroma::flow
