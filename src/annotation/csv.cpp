#include "annotation/csv.h"

#include <algorithm>

namespace stroma::annotation {
namespace {

class CsvReader {
public:
    explicit CsvReader(std::string_view text) : text_(text) {}

    bool at_end() const { return at_ >= text_.size(); }
    std::uint64_t line() const { return line_; }
    bool begins_comment() const { return text_[at_] == '#'; }
    bool at_line_end() const {
        return at_end() || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n";
    }
    void skip_line() {
        at_ = std::min(text_.find('\n', at_), text_.size());
        end_line();
    }
    void end_line() {
        if (!at_end() && text_[at_] == '\r') ++at_;
        if (at_end()) return;
        ++at_;
        ++line_;
    }
    bool take_comma() {
        if (at_end() || text_[at_] != ',') return false;
        ++at_;
        return true;
    }
    Result<std::string> field() {
        if (!at_end() && text_[at_] == '"') return quoted();
        std::string value;
        while (!at_line_end() && text_[at_] != ',') {
            if (text_[at_] == '"') return bad("a quote stands within a field");
            value += text_[at_++];
        }
        return value;
    }

private:
    tl::unexpected<Error> bad(const char* what) const {
        return fail(ErrorCode::invalid_input,
                    "line " + std::to_string(line_) + " of the CSV: " + what);
    }
    Result<std::string> quoted() {
        const std::uint64_t first_line = line_;
        std::string value;
        for (++at_; !at_end(); ++at_) {
            if (text_[at_] == '\n') ++line_;
            if (text_[at_] != '"') {
                value += text_[at_];
            } else if (text_.substr(at_, 2) == "\"\"") {
                value += '"';
                ++at_;
            } else {
                ++at_;
                if (!at_line_end() && text_[at_] != ',')
                    return bad("something follows a closing quote");
                return value;
            }
        }
        line_ = first_line;
        return bad("a quote isn't closed");
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::uint64_t line_ = 1;
};

}  // namespace

Result<std::vector<CsvRow>> parse_csv(std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    CsvReader reader(text);
    std::vector<CsvRow> rows;
    while (!reader.at_end()) {
        if (reader.begins_comment() || reader.at_line_end()) {
            reader.skip_line();
            continue;
        }
        CsvRow row{reader.line(), {}};
        do row.fields.push_back(TRY(reader.field()));
        while (reader.take_comma());
        reader.end_line();
        rows.push_back(std::move(row));
    }
    return rows;
}

std::string csv_field(std::string_view text) {
    const bool is_plain = text.find_first_of("\",\r\n") == text.npos && !text.starts_with('#') &&
                          !text.starts_with(' ') && !text.ends_with(' ');
    if (is_plain) return std::string(text);
    std::string quoted = "\"";
    for (const char letter : text) {
        if (letter == '"') quoted += '"';
        quoted += letter;
    }
    return quoted + '"';
}

}  // namespace stroma::annotation
