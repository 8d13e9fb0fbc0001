#include "front/http/file_answer.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "front/http/url.h"

namespace stroma::front::http {
namespace {

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (text.empty() || parsed.ptr != end) return std::nullopt;
    // A number past 64 bits is a valid one, only far past the end of any file.
    if (parsed.ec == std::errc::result_out_of_range) return ~std::uint64_t{0};
    return value;
}

FileAnswer answer_range(std::string_view range, std::uint64_t size) {
    const FileAnswer whole{200, 0, size}, refused{416, 0, 0};
    if (!range.starts_with("bytes=")) return whole;
    range.remove_prefix(6);
    if (range.find(',') != range.npos) return refused;
    range = trimmed(range);
    const std::size_t dash = range.find('-');
    if (dash == range.npos) return whole;
    const std::string_view first_text = range.substr(0, dash), last_text = range.substr(dash + 1);
    const auto first = whole_number(first_text), last = whole_number(last_text);
    if (first_text.empty()) {
        if (!last) return whole;
        if (*last == 0 || size == 0) return refused;
        const std::uint64_t count = std::min(*last, size);
        return {206, size - count, count};
    }
    if (!first || (!last_text.empty() && !last) || (last && *last < *first)) return whole;
    if (*first >= size) return refused;
    const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
    return {206, *first, end - *first + 1};
}

}  // namespace

bool names_etag(std::string_view list, std::string_view etag, bool weak_counts) {
    while (!list.empty()) {
        std::string_view one = trimmed(list.substr(0, list.find(',')));
        list.remove_prefix(
            std::min(list.size(), list.find(',') == list.npos ? list.size() : list.find(',') + 1));
        if (one == "*") return true;
        const bool weak = one.starts_with("W/");
        if (weak) one.remove_prefix(2);
        if (weak && !weak_counts) continue;
        if (one.size() >= 2 && one.front() == '"' && one.back() == '"' &&
            one.substr(1, one.size() - 2) == etag)
            return true;
    }
    return false;
}

FileAnswer answer_for_file(const Request& request, std::string_view etag, std::uint64_t size) {
    if (const auto match = request.header("if-match"); match && !names_etag(*match, etag, false))
        return {412, 0, 0};
    if (const auto none = request.header("if-none-match"); none && names_etag(*none, etag, true))
        return {304, 0, 0};
    const auto range = request.header("range");
    if (!range || (request.method != "GET" && request.method != "HEAD")) return {200, 0, size};
    if (const auto condition = request.header("if-range");
        condition && (*condition == "*" || !names_etag(*condition, etag, false)))
        return {200, 0, size};
    return answer_range(*range, size);
}

}  // namespace stroma::front::http
