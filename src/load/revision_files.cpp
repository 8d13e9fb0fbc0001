#include "load/revision_files.h"

namespace stroma::loading {

std::string RevisionFiles::object_key(std::string_view revision) {
    return "revisions/" + std::string(revision) + ".sealed";
}

std::string RevisionFiles::derived_prefix(std::string_view revision) {
    return std::string(derived_root) + std::string(revision) + "/";
}

std::string RevisionFiles::source_prefix(std::string_view revision) {
    return "sources/" + std::string(revision) + "/";
}

Result<std::shared_ptr<const expression::SealedDataset>> RevisionFiles::open(
    std::string_view revision) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = open_.find(revision); found != open_.end()) {
            newest_first_.remove(found->first);
            newest_first_.push_front(found->first);
            return found->second;
        }
    }
    const std::string id(revision);
    auto reader = TRY_WITH(objects_.open(object_key(id)), "opening revision " + id);
    auto sealed =
        TRY_WITH(expression::SealedDataset::open(std::move(reader)), "opening revision " + id);
    const std::lock_guard lock(mutex_);
    if (open_.emplace(id, sealed).second) newest_first_.push_front(id);
    while (newest_first_.size() > open_max) {
        open_.erase(newest_first_.back());
        newest_first_.pop_back();
    }
    return sealed;
}

Result<void> RevisionFiles::remove(std::string_view revision) {
    forget(revision);
    TRY(objects_.remove(object_key(revision)));
    TRY(remove_all(source_prefix(revision)));
    return remove_all(derived_prefix(revision));
}

Result<void> RevisionFiles::put_source(std::string_view revision, const fs::path& file) {
    const std::string prefix = source_prefix(revision);
    TRY(remove_all(prefix));
    TRY(objects_.put_file(prefix + file.filename().string(), file, {}));
    return {};
}

Result<std::optional<object::ObjectInfo>> RevisionFiles::find_source(std::string_view revision) {
    const object::ListPage page = TRY(objects_.list(
        {.prefix = source_prefix(revision), .delimiter = "", .after = "", .limit = 1}));
    if (page.objects.empty()) return std::nullopt;
    return objects_.head(page.objects[0].key);
}

Result<void> RevisionFiles::remove_all(const std::string& prefix) {
    object::ListOptions options{.prefix = prefix, .delimiter = "", .after = ""};
    for (;;) {
        const object::ListPage page = TRY(objects_.list(options));
        for (const object::ObjectInfo& info : page.objects) TRY(objects_.remove(info.key));
        if (!page.next_after) return {};
        options.after = *page.next_after;
    }
}

void RevisionFiles::forget(std::string_view revision) {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(revision); found != open_.end()) {
        newest_first_.remove(found->first);
        open_.erase(found);
    }
}

}  // namespace stroma::loading
