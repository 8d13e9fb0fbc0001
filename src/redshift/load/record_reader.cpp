#include "redshift/load/record_reader.h"

#include <fmt/format.h>

#include <cstring>

namespace stroma::redshift {

Result<bool> LineBuffer::more() {
    if (is_over_) return false;
    if (rest_.size() > record_bytes_max + (2u << 20))
        return fail(ErrorCode::exhausted, "a line is longer than 4 MB");
    // The source's bytes go with its next ones: what is left of them is kept.
    std::string kept(rest_);
    const auto block = TRY(bytes_->next());
    is_over_ = block.empty();
    if (kept.empty()) {
        rest_ = block;
    } else {
        kept += block;
        buffer_ = std::move(kept);
        rest_ = buffer_;
    }
    return !is_over_;
}

namespace {

class LineReader : public RecordReader {
public:
    LineReader(std::unique_ptr<ByteSource> bytes, const CopyOptions& options, std::size_t columns)
        : options_(options), columns_(columns), lines_(std::move(bytes)) {}

    Result<bool> next() override {
        for (;;) {
            fields_.clear();
            misfit_ = {};
            lines_.skip(taken_);
            taken_ = 0;
            if (!TRY(find_line())) return false;
            ++line_;
            record_line_ = line_;
            line_ += extra_lines_;
            if (record_line_ <= options_.ignore_header) continue;
            if (options_.postgres_escapes && raw_ == "\\.") return false;
            if (raw_.empty() && options_.ignore_blank_lines) continue;
            if (raw_.find_first_not_of(" \t") == std::string_view::npos &&
                options_.ignore_blank_lines)
                continue;
            held_.clear();
            split();
            return true;
        }
    }

protected:
    /// Where in `rest` the record ends, as the place of its newline; npos where it isn't all there.
    virtual std::size_t end_of_record(std::string_view rest) {
        const void* const found = std::memchr(rest.data(), '\n', rest.size());
        return found == nullptr
                   ? std::string_view::npos
                   : static_cast<std::size_t>(static_cast<const char*>(found) - rest.data());
    }
    virtual void split() = 0;
    void add(std::string_view text, bool is_null, std::size_t position) {
        fields_.push_back({text, is_null, false, static_cast<std::uint32_t>(position)});
    }
    /// Text that isn't in the line as it is; stays until the next record.
    std::string& hold() {
        held_.push_back(std::make_unique<std::string>());
        return *held_.back();
    }

    const CopyOptions& options_;
    std::size_t columns_;
    std::uint64_t extra_lines_ = 0;

private:
    Result<bool> find_line() {
        extra_lines_ = 0;
        for (;;) {
            const std::string_view rest = lines_.rest();
            const std::size_t end = rest.empty() ? std::string_view::npos : end_of_record(rest);
            if (end != std::string_view::npos) {
                raw_ = rest.substr(0, end);
                taken_ = end + 1;
                break;
            }
            if (TRY(lines_.more())) continue;
            raw_ = lines_.rest();
            if (raw_.empty()) return false;
            taken_ = raw_.size();
            break;
        }
        if (raw_.ends_with('\r')) raw_.remove_suffix(1);
        return true;
    }

    LineBuffer lines_;
    std::size_t taken_ = 0;
    std::vector<std::unique_ptr<std::string>> held_;
};

/// Fields between delimiters, with what Redshift and PostgreSQL's text format may say inside.
class DelimitedReader final : public LineReader {
public:
    using LineReader::LineReader;

private:
    std::size_t end_of_record(std::string_view rest) override {
        std::size_t end = LineReader::end_of_record(rest);
        if (!options_.has_escapes) return end;
        // A newline after a backslash is of the value.
        while (end != std::string_view::npos) {
            std::size_t slashes = 0;
            while (slashes < end && rest[end - 1 - slashes] == '\\') ++slashes;
            if (slashes % 2 == 0) return end;
            ++extra_lines_;
            const std::size_t more = LineReader::end_of_record(rest.substr(end + 1));
            end = more == std::string_view::npos ? more : end + 1 + more;
        }
        extra_lines_ = 0;
        return end;
    }
    void split() override {
        std::size_t from = 0;
        const bool escaped = options_.has_escapes || options_.postgres_escapes;
        for (;;) {
            std::size_t to = raw_.find(options_.delimiter, from);
            if (escaped)
                while (to != std::string_view::npos && is_escaped(to, from))
                    to = raw_.find(options_.delimiter, to + 1);
            const bool quoted = options_.remove_quotes && from < raw_.size() &&
                                (raw_[from] == '"' || raw_[from] == '\'');
            if (quoted) {
                to = behind_quotes(from);
                if (to == 0) {
                    misfit_ = {1216, "Invalid input line"};
                    return;
                }
                if (to == raw_.size()) to = std::string_view::npos;
            }
            const auto piece = raw_.substr(from, to == std::string_view::npos ? to : to - from);
            put(piece, from);
            if (to == std::string_view::npos) return;
            from = to + 1;
        }
    }
    /// Where the field ends that begins with a quote: at the delimiter or the end behind the quote
    /// that closes it. A quote that is doubled, or with something else behind, is of the value. 0
    /// where none closes it.
    std::size_t behind_quotes(std::size_t from) const {
        const char quote = raw_[from];
        for (std::size_t at = from + 1; at < raw_.size(); ++at) {
            if (options_.has_escapes && raw_[at] == '\\') {
                ++at;
            } else if (raw_[at] == quote) {
                if (at + 1 == raw_.size() || raw_[at + 1] == options_.delimiter) return at + 1;
                if (raw_[at + 1] == quote) ++at;
            }
        }
        return 0;
    }
    bool is_escaped(std::size_t at, std::size_t from) const {
        std::size_t slashes = 0;
        while (at > from + slashes && raw_[at - 1 - slashes] == '\\') ++slashes;
        return slashes % 2 == 1;
    }
    void put(std::string_view piece, std::size_t position) {
        // With ESCAPE the usual word for null may be escaped itself.
        const bool is_null =
            piece == options_.null_text || (!options_.postgres_escapes && piece == "@NULL@") ||
            (options_.has_escapes && piece == "\\\\N" && options_.null_text == "\\N");
        char quote = 0;
        if (options_.remove_quotes && piece.size() >= 2 &&
            (piece.front() == '"' || piece.front() == '\'') && piece.back() == piece.front()) {
            quote = piece.front();
            piece = piece.substr(1, piece.size() - 2);
        }
        const bool escaped = options_.has_escapes || options_.postgres_escapes;
        const bool has_slash = escaped && piece.find('\\') != std::string_view::npos;
        const bool has_quote = quote != 0 && piece.find(quote) != std::string_view::npos;
        if (is_null || (!has_slash && !has_quote)) return add(piece, is_null, position);
        std::string& text = hold();
        for (std::size_t at = 0; at < piece.size(); ++at) {
            const bool has_more = at + 1 < piece.size();
            if (escaped && piece[at] == '\\' && has_more) {
                text += options_.postgres_escapes ? unescaped(piece, ++at) : piece[++at];
            } else {
                text += piece[at];
                if (has_quote && piece[at] == quote && has_more && piece[at + 1] == quote) ++at;
            }
        }
        add(text, false, position);
    }
    static char unescaped(std::string_view piece, std::size_t& at) {
        switch (piece[at]) {
            case 'n': return '\n';
            case 't': return '\t';
            case 'r': return '\r';
            case 'b': return '\b';
            case 'f': return '\f';
            case 'v': return '\v';
            default: break;
        }
        if (piece[at] < '0' || piece[at] > '7') return piece[at];
        int value = 0, digits = 0;
        for (; digits < 3 && at < piece.size() && piece[at] >= '0' && piece[at] <= '7'; ++digits)
            value = value * 8 + (piece[at++] - '0');
        --at;
        return static_cast<char>(value);
    }
};

/// RFC 4180, with any delimiter and quote.
class CsvReader final : public LineReader {
public:
    using LineReader::LineReader;

private:
    std::size_t end_of_record(std::string_view rest) override {
        const std::size_t end = LineReader::end_of_record(rest);
        const std::size_t upto = end == std::string_view::npos ? rest.size() : end;
        if (std::memchr(rest.data(), options_.quote, upto) == nullptr) return end;
        bool inside = false;
        extra_lines_ = 0;
        for (std::size_t at = 0; at < rest.size(); ++at) {
            const char letter = rest[at];
            if (inside && letter == options_.escape && options_.escape != options_.quote) {
                ++at;
                if (at < rest.size() && rest[at] == '\n') ++extra_lines_;
            } else if (letter == options_.quote) {
                inside = !inside;
            } else if (letter == '\n') {
                if (!inside) return at;
                ++extra_lines_;
            }
        }
        extra_lines_ = 0;
        return std::string_view::npos;
    }
    void split() override {
        std::size_t at = 0;
        for (;;) {
            std::size_t begin = at;
            while (begin < raw_.size() && raw_[begin] == ' ' && options_.delimiter != ' ') ++begin;
            if (begin < raw_.size() && raw_[begin] == options_.quote) {
                at = begin + 1;
                if (!quoted(at)) {
                    misfit_ = {1216,
                               "Invalid quote formatting for CSV. Unterminated quoted field."};
                    return;
                }
            } else {
                const std::size_t to = std::min(raw_.find(options_.delimiter, at), raw_.size());
                const std::string_view piece = raw_.substr(at, to - at);
                add(piece, piece == options_.null_text, at);
                at = to;
            }
            if (at >= raw_.size()) return;
            ++at;
            if (at == raw_.size()) return add({}, options_.null_text.empty(), at);
        }
    }
    // From behind the opening quote, to the delimiter or the end.
    bool quoted(std::size_t& at) {
        const std::size_t position = at;
        std::string* held = nullptr;
        std::size_t from = at;
        for (; at < raw_.size(); ++at) {
            const char letter = raw_[at];
            const bool doubled =
                at + 1 < raw_.size() && letter == options_.escape &&
                (raw_[at + 1] == options_.quote ||
                 (options_.escape != options_.quote && raw_[at + 1] == options_.escape));
            if (doubled) {
                if (held == nullptr) held = &hold();
                *held += raw_.substr(from, at - from);
                *held += raw_[at + 1];
                ++at;
                from = at + 1;
            } else if (letter == options_.quote) {
                break;
            }
        }
        if (at >= raw_.size()) return false;
        std::string_view text = raw_.substr(from, at - from);
        if (held != nullptr) {
            *held += text;
            text = *held;
        }
        ++at;
        while (at < raw_.size() && raw_[at] != options_.delimiter) {
            if (raw_[at] != ' ') return false;
            ++at;
        }
        const bool is_null = !options_.quoted_is_never_null && text == options_.null_text;
        add(text, is_null, position);
        return true;
    }
};

class WidthReader final : public LineReader {
public:
    using LineReader::LineReader;

private:
    void split() override {
        std::size_t at = 0;
        for (const auto& [name, width] : options_.widths) {
            const std::size_t from = at;
            for (std::size_t letters = 0; letters < width && at < raw_.size(); ++letters)
                skip_letter(at);
            std::string_view piece = raw_.substr(from, at - from);
            while (!piece.empty() && piece.back() == ' ') piece.remove_suffix(1);
            add(piece, piece == options_.null_text, from);
        }
    }
    /// Widths count characters, whose bytes in UTF-8 may be several.
    void skip_letter(std::size_t& at) const {
        ++at;
        while (at < raw_.size() && (static_cast<unsigned char>(raw_[at]) & 0xC0) == 0x80) ++at;
    }
};

}  // namespace

Result<std::unique_ptr<RecordReader>> read_records(std::unique_ptr<ByteSource> bytes,
                                                   const CopyOptions& options,
                                                   const std::vector<std::string>& columns,
                                                   const std::vector<std::string>& json_paths) {
    auto plain = TRY(plain_text(std::move(bytes), options));
    return read_plain_records(std::move(plain), options, columns, json_paths);
}

Result<std::unique_ptr<RecordReader>> read_plain_records(
    std::unique_ptr<ByteSource> plain, const CopyOptions& options,
    const std::vector<std::string>& columns, const std::vector<std::string>& json_paths) {
    switch (options.format) {
        case CopyFormat::csv:
            return std::make_unique<CsvReader>(std::move(plain), options, columns.size());
        case CopyFormat::fixed_width:
            return std::make_unique<WidthReader>(std::move(plain), options, columns.size());
        case CopyFormat::json: return json_records(std::move(plain), options, columns, json_paths);
        case CopyFormat::text:
            return std::make_unique<DelimitedReader>(std::move(plain), options, columns.size());
        default: return fail(ErrorCode::unsupported, "this format isn't read as records");
    }
}

}  // namespace stroma::redshift
