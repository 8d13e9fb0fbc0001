#include "object/list_page_builder.h"

#include <algorithm>

namespace stroma::object {
namespace {

bool begins_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

bool is_common_prefix(std::string_view text, const ListOptions& options) {
    if (options.delimiter.empty() || !begins_with(text, options.prefix)) return false;
    const std::size_t cut = text.find(options.delimiter, options.prefix.size());
    return cut != text.npos && cut + options.delimiter.size() == text.size();
}

// Keys are UTF-8 and have no such byte: prefix + this is greater than every key with the prefix.
constexpr char past_every_key = '\xff';

}  // namespace

ListPageBuilder::ListPageBuilder(const ListOptions& options)
    : options_(options), from_(options.after) {
    // A page that ended with a common prefix is gone on with behind all its keys.
    if (is_common_prefix(options.after, options)) from_ += past_every_key;
}

bool ListPageBuilder::may_hold(std::string_view prefix) const {
    const std::string_view wanted = options_.prefix;
    if (!begins_with(prefix, wanted) && !begins_with(wanted, prefix)) return false;
    // All keys with the prefix lie on its own side of from_, unless from_ begins with it too.
    if (!begins_with(from_, prefix)) return prefix > from_;
    return from_.size() == prefix.size() || from_[prefix.size()] != past_every_key;
}

ListPageBuilder::Answer ListPageBuilder::offer(std::string_view key) {
    if (key <= from_) return Answer::skip;
    if (!begins_with(key, options_.prefix))
        return key < options_.prefix ? Answer::skip : Answer::stop;
    if (page_.objects.size() + page_.common_prefixes.size() >= options_.limit) {
        page_.next_after = from_;
        if (page_.next_after->ends_with(past_every_key)) page_.next_after->pop_back();
        return Answer::stop;
    }
    if (!options_.delimiter.empty()) {
        const std::size_t cut = key.find(options_.delimiter, options_.prefix.size());
        if (cut != key.npos) {
            page_.common_prefixes.emplace_back(key.substr(0, cut + options_.delimiter.size()));
            from_ = page_.common_prefixes.back() + past_every_key;
            return Answer::skip;
        }
    }
    from_ = key;
    return Answer::take;
}

}  // namespace stroma::object
