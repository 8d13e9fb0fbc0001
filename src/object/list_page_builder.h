#pragma once

#include <string>
#include <string_view>

#include "object/object_store.h"

namespace stroma::object {

/// Turns keys offered in byte order into a ListPage: the part of list() that is the same in every
/// driver that has its keys in order.
class ListPageBuilder {
public:
    explicit ListPageBuilder(const ListOptions& options);

    enum class Answer {
        take,  ///< give the object to add()
        skip,  ///< go on with the next key greater than from()
        stop,  ///< the page is done
    };
    Answer offer(std::string_view key);
    void add(ObjectInfo info) { page_.objects.push_back(std::move(info)); }

    /// Only keys greater than this matter now. It jumps over whole common prefixes.
    const std::string& from() const { return from_; }
    /// Whether keys that begin with `prefix` can matter now.
    bool may_hold(std::string_view prefix) const;
    ListPage finish() { return std::move(page_); }

private:
    const ListOptions options_;
    std::string from_;
    ListPage page_;
};

}  // namespace stroma::object
