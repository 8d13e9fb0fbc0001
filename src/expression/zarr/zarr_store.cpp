#include "expression/zarr/zarr_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace stroma::expression {
namespace {

constexpr std::uint64_t value_bytes_max = std::uint64_t{2} << 30;

bool is_group_mark(std::string_view name) {
    for (const std::string_view mark : {".zgroup", ".zattrs", ".zarray", "zarr.json"})
        if (name == mark || (name.ends_with(mark) && name.size() > mark.size() &&
                             (name[name.size() - mark.size() - 1] == '/' ||
                              name[name.size() - mark.size() - 1] == '!')))
            return true;
    return false;
}

std::string slashed(std::string_view name) {
    std::string key(name);
    std::replace(key.begin(), key.end(), '!', '/');
    return key;
}

/// The folder part that all marks share, with its '/' ("" when they lie at the top).
std::string common_root(const std::vector<std::string>& keys) {
    std::string root;
    bool first = true;
    for (const std::string& key : keys) {
        if (!is_group_mark(key)) continue;
        const std::size_t slash = key.rfind('/');
        std::string folder = slash == std::string::npos ? "" : key.substr(0, slash + 1);
        if (first) root = folder;
        first = false;
        while (!folder.starts_with(root)) {
            root.pop_back();
            const std::size_t cut = root.rfind('/');
            root.resize(cut == std::string::npos ? 0 : cut + 1);
        }
    }
    return root;
}

}  // namespace

Result<std::unique_ptr<ZarrStore>> ZarrStore::open(InputFiles& files) {
    std::unique_ptr<ZarrStore> store(new ZarrStore);
    if (files.is_folder()) {
        store->files_ = &files;
        const std::vector<std::string> names = TRY(files.list());
        TRY(store->find_root(names, files.name()));
        return store;
    }
    File file = TRY(files.open(files.name()));
    store->zip_ = std::make_unique<ZipArchive>(TRY(ZipArchive::open(std::move(file))));
    store->zip_name_ = files.name();
    std::vector<std::string> names;
    for (const auto& [name, member] : store->zip_->members()) names.push_back(name);
    TRY(store->find_root(names, files.name()));
    return store;
}

Result<void> ZarrStore::find_root(const std::vector<std::string>& all, std::string_view input) {
    std::vector<std::string> keys;
    std::set<std::string> flat_roots;
    for (const std::string& name : all) {
        keys.push_back(slashed(name));
        if (const std::size_t at = name.find(".zarr!"); at != std::string::npos)
            flat_roots.insert(name.substr(0, at + 6));
    }
    if (flat_roots.size() > 1)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} holds {} Zarr groups; import them one by one", input,
                                flat_roots.size()));
    if (std::none_of(keys.begin(), keys.end(), is_group_mark))
        return fail(ErrorCode::invalid_input, fmt::format("{} holds no Zarr group", input));
    std::string root = flat_roots.empty() ? common_root(keys) : slashed(*flat_roots.begin());
    for (std::size_t i = 0; i < all.size(); ++i)
        if (keys[i].starts_with(root) && keys[i].size() > root.size() &&
            !names_.emplace(keys[i].substr(root.size()), all[i]).second)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} holds '{}' twice, once with '!'", input, keys[i]));
    name_ = root.empty() ? std::string(input) : root.substr(0, root.size() - 1);
    name_.erase(0, name_.rfind('/') + 1);
    for (const std::string_view end : {".zip", ".zarr"})
        if (name_.ends_with(end)) name_.resize(name_.size() - end.size());
    return {};
}

void ZarrStore::enter(std::string_view path) {
    const std::string prefix = std::string(path) + "/";
    std::map<std::string, std::string, std::less<>> names;
    for (auto& [key, name] : names_)
        if (key.starts_with(prefix)) names.emplace(key.substr(prefix.size()), std::move(name));
    names_ = std::move(names);
}

std::uint64_t ZarrStore::size(std::string_view key) const {
    const auto found = names_.find(key);
    if (found == names_.end()) return 0;
    if (zip_) return zip_->members().at(found->second).bytes;
    const auto file = files_->open(found->second);
    return file ? file->size().value_or(0) : 0;
}

Result<Bytes> ZarrStore::get(std::string_view key) const {
    const auto found = names_.find(key);
    if (found == names_.end())
        return fail(ErrorCode::not_found, fmt::format("no '{}' in the Zarr group", key));
    if (zip_) return zip_->read(found->second, value_bytes_max);
    const File file = TRY(files_->open(found->second));
    const std::uint64_t size = TRY(file.size());
    if (size > value_bytes_max)
        return fail(ErrorCode::exhausted, fmt::format("{} has {} bytes; the limit is {}",
                                                      found->second, size, value_bytes_max));
    Bytes bytes(size);
    TRY(file.read_at(0, bytes));
    return bytes;
}

Result<Bytes> ZarrStore::get_part(std::string_view key, std::uint64_t offset,
                                  std::uint64_t count) const {
    const auto found = names_.find(key);
    if (found == names_.end())
        return fail(ErrorCode::not_found, fmt::format("no '{}' in the Zarr group", key));
    const std::uint64_t bytes = size(key);
    if (offset > bytes || count > bytes - offset || count > value_bytes_max)
        return fail(ErrorCode::invalid_input, fmt::format("{} ends too early", found->second));
    Bytes part(count);
    if (!zip_) {
        const File file = TRY(files_->open(found->second));
        TRY(file.read_at(offset, part));
        return part;
    }
    if (!zip_->members().at(found->second).is_deflated) {
        TRY(zip_->read_packed(found->second, offset, part));
        return part;
    }
    const std::lock_guard lock(unpacked_mutex_);
    if (unpacked_name_ != found->second) {
        unpacked_.reset();
        unpacked_ = std::make_shared<const Bytes>(TRY(zip_->read(found->second, value_bytes_max)));
        unpacked_name_ = found->second;
    }
    if (offset + count > unpacked_->size())
        return fail(ErrorCode::invalid_input, fmt::format("{} ends too early", found->second));
    std::copy_n(unpacked_->begin() + static_cast<std::ptrdiff_t>(offset), count, part.begin());
    return part;
}

bool ZarrStore::has_group(std::string_view path) const {
    const std::string prefix = std::string(path) + "/";
    const auto next = names_.lower_bound(prefix);
    return next != names_.end() && next->first.starts_with(prefix);
}

std::vector<std::string> ZarrStore::children(std::string_view path) const {
    const std::string prefix = path.empty() ? "" : std::string(path) + "/";
    std::vector<std::string> out;
    for (auto it = names_.lower_bound(prefix); it != names_.end(); ++it) {
        if (!it->first.starts_with(prefix)) break;
        const std::string_view rest = std::string_view(it->first).substr(prefix.size());
        const std::size_t slash = rest.find('/');
        if (slash == std::string_view::npos) continue;
        if (out.empty() || out.back() != rest.substr(0, slash))
            out.emplace_back(rest.substr(0, slash));
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

std::string ZarrStore::place(std::string_view key) const {
    const auto found = names_.find(key);
    const std::string name = found == names_.end() ? std::string(key) : found->second;
    return zip_ ? zip_name_ + ": " + name : name;
}

}  // namespace stroma::expression
