#include "front/annotation/runs_text.h"

#include <charconv>

namespace stroma::front::annotation {
namespace {

/// What is left of a text, read from its beginning.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}
    std::size_t left() const { return text_.size(); }
    bool take(char wanted) {
        skip_blanks();
        if (text_.empty() || text_.front() != wanted) return false;
        text_.remove_prefix(1);
        return true;
    }
    /// A whole number as JSON has it: no sign, no leading zero.
    bool take(std::uint32_t& number) {
        skip_blanks();
        const char *begin = text_.data(), *end = begin + text_.size();
        const auto [stopped, problem] = std::from_chars(begin, end, number);
        if (problem != std::errc{} || (*begin == '0' && stopped - begin > 1)) return false;
        text_.remove_prefix(static_cast<std::size_t>(stopped - begin));
        return true;
    }

private:
    void skip_blanks() {
        const std::size_t blanks = text_.find_first_not_of(" \t\r\n");
        text_.remove_prefix(blanks == std::string_view::npos ? text_.size() : blanks);
    }
    std::string_view text_;
};

}  // namespace

std::optional<BodyWithRuns> runs_ahead(std::string_view body, std::uint32_t cells) {
    // Within a string a quote has a backslash before it, so this can only be a member's name; a
    // member of another object, or a second one, is refused with the rest.
    constexpr std::string_view name = "\"cells\"";
    const std::size_t at = body.find(name);
    if (at == std::string_view::npos || (at > 0 && body[at - 1] == '\\')) return std::nullopt;
    Cursor cursor(body.substr(at + name.size()));
    if (!cursor.take(':') || !cursor.take('[')) return std::nullopt;
    const std::size_t begin = body.size() - cursor.left();
    BodyWithRuns out;
    do {
        std::uint32_t first = 0, end = 0;
        if (!cursor.take('[') || !cursor.take(first) || !cursor.take(',') || !cursor.take(end) ||
            !cursor.take(']') || end > cells)
            return std::nullopt;
        out.runs.emplace_back(first, end);
    } while (cursor.take(','));
    if (!cursor.take(']')) return std::nullopt;
    out.rest = body.substr(0, begin);
    out.rest += body.substr(body.size() - cursor.left() - 1);
    return out;
}

}  // namespace stroma::front::annotation
