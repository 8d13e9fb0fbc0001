#include "image/image_files.h"

namespace stroma::image {

std::string ImageFiles::object_key(std::string_view id) {
    return std::string(root) + std::string(id) + ".image";
}

Result<std::shared_ptr<const StoredImage>> ImageFiles::open(std::string_view id) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = open_.find(id); found != open_.end()) {
            newest_first_.remove(found->first);
            newest_first_.push_front(found->first);
            return found->second;
        }
    }
    const std::string name(id);
    auto reader = TRY(objects_.open(object_key(id)));
    auto opened = TRY(StoredImage::open(std::move(reader)));
    const std::lock_guard lock(mutex_);
    if (open_.emplace(name, opened).second) newest_first_.push_front(name);
    while (newest_first_.size() > open_max) {
        open_.erase(newest_first_.back());
        newest_first_.pop_back();
    }
    return opened;
}

Result<void> ImageFiles::remove(std::string_view id) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = open_.find(id); found != open_.end()) {
            newest_first_.remove(found->first);
            open_.erase(found);
        }
    }
    TRY(objects_.remove(object_key(id)));
    return {};
}

}  // namespace stroma::image
