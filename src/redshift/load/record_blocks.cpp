#include "redshift/load/record_blocks.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "redshift/load/letter_search.h"
#include "redshift/load/record_reader.h"

namespace stroma::redshift {
namespace {

std::uint64_t newlines_in(std::string_view text) {
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Letters that mean something inside a JSON object, outside its strings or in them.
constexpr std::array<bool, 256> json_marks = [] {
    std::array<bool, 256> marks{};
    for (const char mark : {'{', '}', '[', ']', '"', '\\', '\n'})
        marks[static_cast<unsigned char>(mark)] = true;
    return marks;
}();

/// Whether a line that begins outside of any object is one object without others in it: braces at
/// its ends and nowhere else, no escapes, and every quote closed. Loops that compilers vectorise.
bool is_flat_object(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() < 2 || line.front() != '{' || line.back() != '}') return false;
    line = line.substr(1, line.size() - 2);
    constexpr std::size_t step = 240;  // so that a byte can count
    unsigned quotes = 0;
    for (; !line.empty(); line.remove_prefix(std::min(step, line.size()))) {
        const std::string_view part = line.substr(0, step);
        unsigned char found = 0, is_odd = 0;
        for (const char letter : part) {
            const auto folded = static_cast<unsigned char>(letter | 0x20);  // [ as {, ] as }
            found = static_cast<unsigned char>(found + (letter == '"' ? 1 : 0));
            is_odd |=
                static_cast<unsigned char>((folded == '{') | (folded == '}') | (letter == '\\'));
        }
        if (is_odd != 0) return false;
        quotes += found;
    }
    return quotes % 2 == 0;
}

}  // namespace

bool can_be_cut(const CopyOptions& options) {
    return options.format == CopyFormat::csv || options.format == CopyFormat::json ||
           options.format == CopyFormat::fixed_width ||
           (options.format == CopyFormat::text && !options.postgres_escapes);
}

void RecordEnds::begin_again() {
    at_ -= std::min(at_, end_);
    end_ = 0;
    seen_lines_ -= lines_;
    lines_ = 0;
}

std::size_t RecordEnds::last_end(std::string_view text) {
    if (options_.format == CopyFormat::json) return json_end(text);
    const bool has_quotes = options_.format == CopyFormat::csv;
    if (has_quotes && std::memchr(text.data(), options_.quote, text.size()) != nullptr) {
        end_ = options_.escape == options_.quote ? quoted_end(text) : escaped_end(text);
    } else {
        std::size_t newline = text.rfind('\n');
        const bool has_escapes = options_.format == CopyFormat::text && options_.has_escapes;
        while (has_escapes && newline != std::string_view::npos) {
            // A newline after a backslash is of the value.
            std::size_t slashes = 0;
            while (slashes < newline && text[newline - 1 - slashes] == '\\') ++slashes;
            if (slashes % 2 == 0) break;
            newline = newline == 0 ? std::string_view::npos : text.rfind('\n', newline - 1);
        }
        end_ = newline == std::string_view::npos ? 0 : newline + 1;
    }
    lines_ = newlines_in(text.substr(0, end_));
    return end_;
}

// A quote in a quoted value is doubled, so that an even number of them stands before every newline
// that ends a record: what stands before the last such newline need not be walked through.
std::size_t RecordEnds::quoted_end(std::string_view text) {
    bool inside = std::count(text.begin(), text.end(), options_.quote) % 2 == 1;
    for (std::size_t at = text.size(); at > 0; --at) {
        if (text[at - 1] == options_.quote) inside = !inside;
        if (text[at - 1] == '\n' && !inside) return at;
    }
    return 0;
}

std::size_t RecordEnds::escaped_end(std::string_view text) {
    std::size_t end = 0;
    bool inside = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (inside && text[at] == options_.escape) {
            ++at;
        } else if (text[at] == options_.quote) {
            inside = !inside;
        } else if (text[at] == '\n' && !inside) {
            end = at + 1;
        }
    }
    return end;
}

// Between records nothing but the beginning of one means anything: stray words are no strings.
std::size_t RecordEnds::json_end(std::string_view text) {
    const auto is_mark = [&](std::size_t at) {
        return json_marks[static_cast<unsigned char>(text[at])];
    };
    std::size_t newline = 0;
    for (;; ++at_) {
        while (depth_ == 0 && at_ == end_ && newline < text.size()) {
            if (newline < at_ || newline == 0)
                newline = std::min(text.find('\n', at_), text.size());
            if (newline == text.size() || !is_flat_object(text.substr(at_, newline - at_))) break;
            at_ = end_ = newline + 1;
            lines_ = ++seen_lines_;
        }
        if (inside_) at_ = first_of(text, at_, '"', '\\', '\n');
        while (at_ < text.size() && !is_mark(at_)) ++at_;
        if (at_ >= text.size()) return end_;
        const char mark = text[at_];
        if (mark == '\n') ++seen_lines_;
        if (inside_) {
            if (mark == '\\') ++at_;
            if (mark == '"') inside_ = false;
            continue;
        }
        const bool opens = mark == '{' || mark == '[';
        if (opens && depth_++ == 0) {
            // Words that stray before it are whole.
            end_ = at_;
            lines_ = seen_lines_;
        }
        if (depth_ > 0 && mark == '"') inside_ = true;
        const bool closes = depth_ > 0 && (mark == '}' || mark == ']') && --depth_ == 0;
        if (!closes && (mark != '\n' || depth_ > 0)) continue;
        end_ = at_ + 1;
        lines_ = seen_lines_;
    }
}

std::shared_ptr<const RecordBlock> RecordBlocks::taken(std::size_t count) {
    auto block = std::make_shared<RecordBlock>();
    block->lines_before = lines_;
    lines_ += ends_.lines();
    std::string rest;
    rest.reserve(block_bytes_ + (1u << 20));
    rest.append(rest_, count);
    rest_.resize(count);
    block->bytes = std::exchange(rest_, std::move(rest));
    ends_.begin_again();
    return block;
}

void RecordBlocks::read_more() {
    const auto more = bytes_->next();
    if (!more) {
        failed_ = more.error();
    } else if (more->empty()) {
        is_over_ = true;
    } else {
        rest_ += *more;
    }
}

Result<std::shared_ptr<const RecordBlock>> RecordBlocks::next() {
    while (!is_over_ && !failed_ && rest_.size() < block_bytes_) read_more();
    for (;;) {
        if (is_over_ && rest_.empty()) return nullptr;
        const std::size_t end = is_over_ ? rest_.size() : ends_.last_end(rest_);
        if (end > 0) return taken(end);
        if (failed_) return fail(*failed_);
        if (rest_.size() > record_bytes_max + (2u << 20))
            return fail(ErrorCode::exhausted, "a line is longer than 4 MB");
        read_more();
    }
}

}  // namespace stroma::redshift
