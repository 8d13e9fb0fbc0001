#include "expression/h5ad/reader_checks.h"

#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

#include "expression/h5ad/hdf5_file.h"

namespace stroma::expression {
namespace {

TextArray with_suffixes(const TextArray& ids, std::uint64_t& changed) {
    std::unordered_set<std::string> taken;
    for (std::size_t i = 0; i < ids.size(); ++i) taken.emplace(ids[i]);
    std::unordered_map<std::string_view, std::uint64_t> seen;
    TextArray made;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        std::uint64_t& times = seen[ids[i]];
        std::string id(ids[i]);
        if (times > 0) {
            // A suffixed id may itself be in the file: count on until it's free.
            while (!taken.insert(fmt::format("{}-{}", ids[i], times)).second) ++times;
            id = fmt::format("{}-{}", ids[i], times);
            ++changed;
        }
        ++times;
        made.push_back(id);
    }
    return made;
}

}  // namespace

Result<void> settle_ids(Frame& frame, const std::string& what, const std::string& place,
                        const ReadOptions& options, std::vector<std::string>& notes) {
    std::unordered_set<std::string_view> seen, repeated;
    std::string listed;
    seen.reserve(frame.row_count());
    for (std::size_t i = 0; i < frame.row_count(); ++i) {
        const std::string_view id = frame.index[i];
        if (seen.insert(id).second || !repeated.insert(id).second) continue;
        if (repeated.size() <= 10)
            listed += fmt::format("{}{}", listed.empty() ? "" : ", ", id.substr(0, 100));
    }
    if (repeated.empty()) return {};
    if (!options.make_ids_unique)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{}: {} {} ids occur more than once: {}{}; make them unique, or "
                        "ask for suffixes on import",
                        place, repeated.size(), what, listed, repeated.size() > 10 ? "…" : ""));
    std::uint64_t changed = 0;
    frame.index = with_suffixes(frame.index, changed);
    notes.push_back(fmt::format("{} repeated {} ids got a suffix (-1, -2…)", changed, what));
    return {};
}

bool is_hdf5_with(InputFiles& files, const std::vector<std::string>& paths) {
    if (files.is_folder()) return false;
    Result<File> file = files.open(files.name());
    if (!file) return false;
    const auto opened = Hdf5File::glance(std::move(*file));
    if (opened == nullptr) return false;
    for (const std::string& path : paths)
        if (opened->part(path) == Hdf5File::Part::absent) return false;
    return true;
}

Result<std::shared_ptr<Hdf5File>> open_hdf5_input(InputFiles& files, const ReadOptions& options) {
    if (files.is_folder())
        return fail(ErrorCode::invalid_input, files.name() + " is a folder, not an HDF5 file");
    Hdf5Limits limits;
    limits.unpacked_bytes_max = options.unpacked_bytes_max;
    const std::string name = files.name();
    return Hdf5File::open(TRY(files.open(name)), limits);
}

}  // namespace stroma::expression
