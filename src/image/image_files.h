#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "image/stored_image.h"

namespace stroma::image {

/// Opens images by their id, and keeps the latest ones open. Any thread.
class ImageFiles {
public:
    explicit ImageFiles(object::ObjectStore& objects) : objects_(objects) {}

    static constexpr std::string_view root = "images/";
    static std::string object_key(std::string_view id);
    /// errors  not_found, corrupt
    Result<std::shared_ptr<const StoredImage>> open(std::string_view id);
    /// Readers that have it keep it.
    Result<void> remove(std::string_view id);

private:
    static constexpr std::size_t open_max = 64;
    object::ObjectStore& objects_;
    std::mutex mutex_;
    std::list<std::string> newest_first_;
    std::map<std::string, std::shared_ptr<const StoredImage>, std::less<>> open_;
};

}  // namespace stroma::image
