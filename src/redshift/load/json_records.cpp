#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "redshift/load/letter_search.h"
#include "redshift/load/record_reader.h"

namespace stroma::redshift {
namespace {

constexpr int json_depth_max = 200;

bool is_space(char letter) {
    return letter == ' ' || letter == '\n' || letter == '\r' || letter == '\t';
}

/// Walks one JSON value without keeping it.
class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}
    bool failed() const { return failed_; }
    bool at_end() {
        skip_space();
        return at_ >= text_.size();
    }
    char peek() {
        skip_space();
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool take(char letter) {
        if (peek() != letter) return false;
        ++at_;
        return true;
    }
    /// The value here, as it is written.
    std::string_view value(int depth = 0) {
        skip_space();
        const std::size_t from = at_;
        if (depth > json_depth_max || at_ >= text_.size()) return wrong();
        const char first = text_[at_];
        if (first == '"') {
            string();
        } else if (first == '{' || first == '[') {
            const char close = first == '{' ? '}' : ']';
            ++at_;
            if (!take(close)) {
                do {
                    if (first == '{') {
                        if (peek() != '"') return wrong();
                        string();
                        if (!take(':')) return wrong();
                    }
                    value(depth + 1);
                    if (failed_) return {};
                } while (take(','));
                if (!take(close)) return wrong();
            }
        } else {
            while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' &&
                   text_[at_] != ']' && !is_space(text_[at_]))
                ++at_;
            const auto word = text_.substr(from, at_ - from);
            const bool is_number =
                !word.empty() && (word[0] == '-' || (word[0] >= '0' && word[0] <= '9'));
            if (!is_number && word != "true" && word != "false" && word != "null") return wrong();
        }
        return text_.substr(from, at_ - from);
    }
    /// The string here, with its quotes.
    std::string_view string() {
        const std::size_t from = at_;
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_)
            if (text_[at_] == '\\') ++at_;
        if (at_ >= text_.size()) return wrong();
        ++at_;
        return text_.substr(from, at_ - from);
    }

private:
    std::string_view wrong() {
        failed_ = true;
        return {};
    }
    void skip_space() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }
    std::string_view text_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

void put_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 63));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 63));
        out += static_cast<char>(0x80 | (code & 63));
    } else {
        out += static_cast<char>(0xF0 | (code >> 18));
        out += static_cast<char>(0x80 | ((code >> 12) & 63));
        out += static_cast<char>(0x80 | ((code >> 6) & 63));
        out += static_cast<char>(0x80 | (code & 63));
    }
}

std::uint32_t hex4(std::string_view text, std::size_t at) {
    std::uint32_t code = 0;
    for (std::size_t digit = 0; digit < 4 && at + digit < text.size(); ++digit) {
        const char letter = text[at + digit];
        const int value = letter >= '0' && letter <= '9'   ? letter - '0'
                          : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
                          : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                                           : 0;
        code = code * 16 + static_cast<std::uint32_t>(value);
    }
    return code;
}

/// What a string with quotes says.
std::string unquoted(std::string_view quoted) {
    std::string out;
    for (std::size_t at = 1; at + 1 < quoted.size(); ++at) {
        if (quoted[at] != '\\') {
            out += quoted[at];
            continue;
        }
        switch (quoted[++at]) {
            case 'n': out += '\n'; break;
            case 't': out += '\t'; break;
            case 'r': out += '\r'; break;
            case 'b': out += '\b'; break;
            case 'f': out += '\f'; break;
            case 'u': {
                std::uint32_t code = hex4(quoted, at + 1);
                at += 4;
                const bool is_high = code >= 0xD800 && code < 0xDC00;
                if (is_high && at + 1 < quoted.size() && quoted.substr(at + 1, 2) == "\\u") {
                    // A half that stands alone stays one, which is no UTF-8 and so refused.
                    const std::uint32_t low = hex4(quoted, at + 3);
                    if (low >= 0xDC00 && low < 0xE000) {
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                        at += 6;
                    }
                }
                put_utf8(out, code);
                break;
            }
            default: out += quoted[at];
        }
    }
    return out;
}

/// A step of a path: a member's name or an element's number.
struct Step {
    std::string name;
    std::size_t index = 0;
    bool is_index = false;
};

std::vector<Step> steps_of(std::string_view path) {
    std::vector<Step> steps;
    for (std::size_t at = 1; at < path.size();) {
        if (path[at] == '.') {
            const std::size_t to = std::min(path.find_first_of(".[", at + 1), path.size());
            steps.push_back({std::string(path.substr(at + 1, to - at - 1)), 0, false});
            at = to;
        } else if (path[at] == '[') {
            const std::size_t to = std::min(path.find(']', at), path.size());
            std::string inner(path.substr(at + 1, to - at - 1));
            if (!inner.empty() && (inner[0] == '\'' || inner[0] == '"')) {
                steps.push_back({inner.substr(1, inner.size() - 2), 0, false});
            } else {
                steps.push_back({"", std::strtoul(inner.c_str(), nullptr, 10), true});
            }
            at = to + 1;
        } else {
            ++at;
        }
    }
    return steps;
}

/// The part that the steps lead to; "" where there is none.
std::string_view part_at(std::string_view json, const std::vector<Step>& steps) {
    for (const Step& step : steps) {
        Scanner in(json);
        std::string_view found;
        if (step.is_index && in.take('[')) {
            for (std::size_t index = 0; !in.failed() && in.peek() != ']'; ++index) {
                const auto value = in.value();
                if (index == step.index) found = value;
                if (!in.take(',')) break;
            }
        } else if (!step.is_index && in.take('{')) {
            while (!in.failed() && in.peek() == '"') {
                const auto name = in.string();
                if (!in.take(':')) break;
                const auto value = in.value();
                if (unquoted(name) == step.name) found = value;
                if (!in.take(',')) break;
            }
        }
        if (found.empty()) return {};
        json = found;
    }
    return json;
}

constexpr auto letters_of_numbers = [] {
    std::array<bool, 256> is_of_number{};
    for (const unsigned char letter : std::string_view("0123456789-+.eE"))
        is_of_number[letter] = true;
    return is_of_number;
}();

/// An object of strings without newlines, numbers and words, member by member. Stops at anything
/// else, and where the text ends before the object does.
class PlainObject {
public:
    struct Member {
        std::string_view name;   ///< without quotes; never with escapes; not set when expected
        std::string_view value;  ///< as it is written
        bool has_escapes = false;
        bool is_expected = false;  ///< the name is the expected one
    };
    explicit PlainObject(std::string_view text) : text_(text) {}
    /// Moves to the opening brace.
    bool begin() {
        skip_space();
        return at_ < text_.size() && text_[at_] == '{';
    }
    /// `expected`: how the member's name is likely to be written, with its quotes; "" for no guess.
    bool next(Member& member, std::string_view expected) {
        if (is_whole_) return false;
        ++at_;  // the brace, or a comma
        skip_space();
        if (is_first_ && peek() == '}') return closed();
        is_first_ = false;
        if (!name(member, expected)) return false;
        skip_space();
        if (peek() != ':') return false;
        ++at_;
        skip_space();
        member.has_escapes = false;
        if (!(peek() == '"' ? string(member.has_escapes, member.value) : word(member.value)))
            return false;
        skip_space();
        if (peek() == ',') return true;
        if (peek() != '}') return false;
        closed();
        return true;
    }
    bool is_whole() const { return is_whole_; }
    std::size_t at() const { return at_; }  ///< behind the closing brace when whole
    std::uint64_t newlines() const { return newlines_; }

private:
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool closed() {
        ++at_;
        is_whole_ = true;
        return false;
    }
    void skip_space() {
        if (at_ < text_.size() && text_[at_] > ' ') return;
        for (; at_ < text_.size() && is_space(text_[at_]); ++at_)
            newlines_ += text_[at_] == '\n' ? 1 : 0;
    }
    bool name(Member& member, std::string_view expected) {
        member.is_expected = !expected.empty() && text_.substr(at_).starts_with(expected);
        if (member.is_expected) {
            at_ += expected.size();
            return true;
        }
        bool escapes = false;
        if (peek() != '"' || !string(escapes, member.name) || escapes) return false;
        member.name = member.name.substr(1, member.name.size() - 2);
        return true;
    }
    bool string(bool& has_escapes, std::string_view& found) {
        const std::size_t from = at_;
        for (;; ++at_) {
            at_ = first_of(text_, at_ + 1, '"', '\\', '\n');
            if (at_ >= text_.size() || text_[at_] == '\n') return false;
            if (text_[at_] == '"') {
                found = text_.substr(from, ++at_ - from);
                return true;
            }
            has_escapes = true;
            if (at_ + 1 < text_.size() && text_[at_ + 1] == '\n') return false;
        }
    }
    bool word(std::string_view& found) {
        const std::size_t from = at_;
        const auto is_of_number = [](char letter) {
            return letters_of_numbers[static_cast<unsigned char>(letter)];
        };
        const bool is_number = peek() == '-' || (peek() >= '0' && peek() <= '9');
        while (at_ < text_.size() &&
               (is_number ? is_of_number(text_[at_]) : text_[at_] >= 'a' && text_[at_] <= 'z'))
            ++at_;
        found = text_.substr(from, at_ - from);
        return is_number || found == "true" || found == "false" || found == "null";
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::uint64_t newlines_ = 0;
    bool is_first_ = true, is_whole_ = false;
};

class JsonReader final : public RecordReader {
public:
    JsonReader(std::unique_ptr<ByteSource> bytes, const CopyOptions& options,
               const std::vector<std::string>& columns, const std::vector<std::string>& paths)
        : columns_(columns), lines_(std::move(bytes)) {
        for (const std::string& path : paths) paths_.push_back(steps_of(path));
        ignores_case_ = options.json == "auto ignorecase";
        takes_whole_ = options.json == "noshred";
        for (std::size_t at = 0; at < columns.size(); ++at) {
            places_[columns[at]] = at;
            expected_.push_back(as_expected(columns[at]));
        }
        expected_.emplace_back();  // behind the last column
        Field none;
        none.is_null = true;
        no_fields_.assign(columns.size(), none);
    }

    Result<bool> next() override {
        lines_.skip(taken_);
        taken_ = 0;
        fields_.clear();
        held_.clear();
        misfit_ = {};
        if (shred_quickly()) return true;
        fields_.clear();
        held_.clear();
        if (!TRY(find_object())) return false;
        line_ = record_line_ = newlines_ + 1;
        if (misfit_.code == 0) shred();
        return true;
    }
    void begin_behind(std::uint64_t lines) override { newlines_ = lines; }

private:
    /// Takes an object apart in one walk, where it is all there and its members are plain values.
    /// False where anything is unusual: then nothing is taken, and the long way decides.
    bool shred_quickly() {
        if (!paths_.empty() || takes_whole_) return false;
        PlainObject in(lines_.rest());
        if (!in.begin()) return false;
        raw_ = lines_.rest().substr(in.at());
        fields_ = no_fields_;
        std::size_t guess = 0;
        PlainObject::Member member;
        while (in.next(member, expected_[guess])) {
            const std::size_t place = member.is_expected ? guess : place_of(member.name, guess);
            if (place == columns_.size()) continue;
            put(place, member.value, member.has_escapes);
            guess = place + 1;
        }
        if (!in.is_whole()) return false;
        taken_ = in.at();
        raw_ = raw_.substr(0, raw_.size() - (lines_.rest().size() - taken_));
        newlines_ += in.newlines();
        line_ = record_line_ = newlines_ + 1;
        return true;
    }
    /// A name as it is most often written; "" where it may be written otherwise too.
    std::string as_expected(const std::string& name) const {
        const bool is_plain = std::none_of(name.begin(), name.end(), [](char letter) {
            return letter == '"' || letter == '\\' || static_cast<unsigned char>(letter) < ' ';
        });
        return is_plain && !ignores_case_ ? '"' + name + '"' : "";
    }
    /// The column of that name, tried first at the guess; columns_.size() where there is none.
    std::size_t place_of(std::string_view name, std::size_t guess) const {
        if (ignores_case_) {
            const auto found = places_.find(lower_of(name));
            return found == places_.end() ? columns_.size() : found->second;
        }
        if (guess < columns_.size() && columns_[guess] == name) return guess;
        const auto found = places_.find(name);
        return found == places_.end() ? columns_.size() : found->second;
    }
    /// The next value at the top, or a stray word.
    Result<bool> find_object() {
        std::size_t at = 0, depth = 0;
        bool inside = false, begun = false;
        std::size_t from = 0;
        for (;;) {
            const std::string_view rest = lines_.rest();
            for (; at < rest.size(); ++at) {
                const char letter = rest[at];
                if (letter == '\n') ++newlines_;
                if (inside) {
                    if (letter == '\\') {
                        ++at;
                    } else if (letter == '"') {
                        inside = false;
                    }
                    continue;
                }
                if (!begun) {
                    if (is_space(letter)) continue;
                    begun = true;
                    from = at;
                    if (letter != '{' && letter != '[') return stray(at);
                }
                if (letter == '"') inside = true;
                if (letter == '{' || letter == '[') ++depth;
                if ((letter == '}' || letter == ']') && --depth == 0) {
                    raw_ = rest.substr(from, at + 1 - from);
                    taken_ = at + 1;
                    return true;
                }
            }
            if (TRY(lines_.more())) continue;
            if (!begun) return false;
            raw_ = lines_.rest().substr(from);
            taken_ = lines_.rest().size();
            misfit_ = {1216, "Invalid JSON format. Object is not closed"};
            return true;
        }
    }
    Result<bool> stray(std::size_t at) {
        const auto ends = [](char letter) {
            return is_space(letter) || letter == '{' || letter == '[';
        };
        std::size_t to = at;
        do {
            const std::string_view rest = lines_.rest();
            while (to < rest.size() && !ends(rest[to])) ++to;
        } while (to == lines_.rest().size() && TRY(lines_.more()));
        raw_ = lines_.rest().substr(at, to - at);
        taken_ = to;
        misfit_ = {1216, "Invalid JSON format. Invalid value"};
        return true;
    }
    void put(std::size_t place, std::string_view value) {
        put(place, value, value.find('\\') != std::string_view::npos);
    }
    void put(std::size_t place, std::string_view value, bool has_escapes) {
        Field& field = fields_[place];
        field.position = static_cast<std::uint32_t>(value.data() - raw_.data());
        field.is_json = true;
        field.text = value;
        field.is_null = value[0] == 'n' && value == "null";
        if (value[0] == '"') {
            field.is_json = false;
            if (!has_escapes) {
                field.text = value.substr(1, value.size() - 2);
            } else {
                held_.push_back(std::make_unique<std::string>(unquoted(value)));
                field.text = *held_.back();
            }
        }
    }
    void shred() {
        fields_ = no_fields_;
        if (takes_whole_) {
            fields_[0] = {raw_, false, true, 0};
            return;
        }
        Scanner in(raw_);
        if (!paths_.empty()) {
            in.value();
            if (in.failed()) return wrong();
            for (std::size_t at = 0; at < paths_.size() && at < columns_.size(); ++at) {
                const auto part = part_at(raw_, paths_[at]);
                if (!part.empty()) put(at, part);
            }
            return;
        }
        if (!in.take('{')) {
            misfit_ = {1216, "Invalid JSONPath format: an array needs a jsonpaths file"};
            fields_.clear();
            return;
        }
        while (!in.failed() && in.peek() == '"') {
            const auto name = in.string();
            if (!in.take(':')) return wrong();
            const auto value = in.value();
            if (in.failed()) return wrong();
            std::string key = name.find('\\') == std::string_view::npos
                                  ? std::string(name.substr(1, name.size() - 2))
                                  : unquoted(name);
            if (ignores_case_) key = lower_of(key);
            if (const auto found = places_.find(key); found != places_.end())
                put(found->second, value);
            if (!in.take(',')) break;
        }
        if (!in.take('}') || in.failed() || !in.at_end()) wrong();
    }
    void wrong() {
        misfit_ = {1216, "Invalid JSON format. Invalid value"};
        fields_.clear();
    }

    std::vector<std::string> columns_;
    std::vector<std::vector<Step>> paths_;
    std::vector<std::string> expected_;  ///< the columns' names with quotes
    std::vector<Field> no_fields_;
    std::map<std::string, std::size_t, std::less<>> places_;
    LineBuffer lines_;
    std::size_t taken_ = 0;
    std::uint64_t newlines_ = 0;
    std::vector<std::unique_ptr<std::string>> held_;
    bool ignores_case_ = false, takes_whole_ = false;
};

}  // namespace

std::unique_ptr<RecordReader> json_records(std::unique_ptr<ByteSource> bytes,
                                           const CopyOptions& options,
                                           const std::vector<std::string>& columns,
                                           const std::vector<std::string>& json_paths) {
    return std::make_unique<JsonReader>(std::move(bytes), options, columns, json_paths);
}

}  // namespace stroma::redshift
