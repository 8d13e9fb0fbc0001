#include <fmt/format.h>

#include <optional>

#include "ontology/term_reading.h"

// OBO, as its own guide (owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html) describes it:
// stanzas of "tag: value" lines, comments behind '!', qualifiers in braces.

namespace stroma::ontology {
namespace {

constexpr std::size_t line_bytes_max = 1u << 20;

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

/// The value without its comment and its qualifiers; what is quoted or escaped stays.
std::string_view without_tail(std::string_view value) {
    bool is_quoted = false;
    for (std::size_t at = 0; at < value.size(); ++at) {
        if (value[at] == '\\') {
            ++at;
        } else if (value[at] == '"') {
            is_quoted = !is_quoted;
        } else if (!is_quoted && (value[at] == '{' || value[at] == '!') && at > 0 &&
                   value[at - 1] == ' ') {
            return trimmed(value.substr(0, at));
        }
    }
    return value;
}

std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) {
            const char next = text[++at];
            plain += next == 'n' || next == 't' || next == 'W' ? ' ' : next;
        } else {
            plain += text[at] == '\n' || text[at] == '\0' ? ' ' : text[at];
        }
    }
    return plain;
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

/// Of `"text" SCOPE …`: the text, and what stands behind it.
struct Quoted {
    std::string text;
    std::string_view rest;
};
std::optional<Quoted> quoted(std::string_view value) {
    if (!value.starts_with('"')) return std::nullopt;
    std::size_t end = 1;
    while (end < value.size() && value[end] != '"') end += value[end] == '\\' ? 2 : 1;
    if (end >= value.size()) return std::nullopt;
    return Quoted{unescaped(value.substr(1, end - 1)), trimmed(value.substr(end + 1))};
}

class OboReader {
public:
    Result<ReadTerms> read(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            std::string_view line = text.substr(0, end);
            text.remove_prefix(end == text.npos ? text.size() : end + 1);
            ++line_;
            if (line.size() > line_bytes_max)
                return wrong(fmt::format("has more than {} bytes", line_bytes_max));
            line = trimmed(line);
            if (line.empty() || line.front() == '!') continue;
            if (line.front() == '[')
                TRY(begin(line));
            else
                TRY(take(line));
        }
        TRY(end_term());
        if (!has_header_ && read_.terms.empty())
            return fail(ErrorCode::invalid_input,
                        "this is no OBO: it has neither header nor terms");
        return std::move(read_);
    }

private:
    tl::unexpected<Error> wrong(std::string_view what) const {
        return fail(ErrorCode::invalid_input, fmt::format("line {} {}", line_, what));
    }

    Result<void> begin(std::string_view line) {
        TRY(end_term());
        in_header_ = false;
        is_term_ = line == "[Term]";
        return {};
    }

    Result<void> end_term() {
        if (!is_term_) return {};
        is_term_ = false;
        if (term_.id.empty()) return wrong("ends a term that has no id");
        if (read_.terms.size() >= terms_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("the file has more than {} terms", terms_max));
        read_.terms.push_back(std::move(term_));
        term_ = {};
        return {};
    }

    Result<void> take(std::string_view line) {
        const std::size_t colon = line.find(':');
        if (colon == line.npos) return wrong("is neither 'tag: value' nor '[Term]'");
        const std::string_view tag = trimmed(line.substr(0, colon));
        const std::string_view value = without_tail(trimmed(line.substr(colon + 1)));
        if (value.size() > text_bytes_max && tag != "def" && tag != "comment" &&
            tag != "property_value" && tag != "remark" && !tag.starts_with("owl-"))
            return wrong(fmt::format("has a value of more than {} bytes", text_bytes_max));
        if (in_header_) {
            has_header_ = has_header_ || tag == "format-version" || tag == "ontology";
            if (tag == "ontology") read_.ontology = value;
            if (tag == "data-version") read_.version = value;
            return {};
        }
        return is_term_ ? take_of_term(tag, value) : Result<void>{};
    }

    Result<void> take_of_term(std::string_view tag, std::string_view value) {
        if (tag == "id") term_.id = id_of_iri(first_word(value));
        if (tag == "name") term_.name = unescaped(value);
        if (tag == "is_obsolete") term_.is_deprecated = value == "true";
        if (tag == "replaced_by") term_.replaced_by = id_of_iri(first_word(value));
        if (tag == "subset" && first_word(value) == "stroma_group") term_.is_group = true;
        if (tag == "is_a") return add(term_.parents, id_of_iri(first_word(value)));
        if (tag == "relationship") {
            const std::string_view kind = first_word(value);
            if (kind != "part_of" && kind != "BFO:0000050") return {};
            return add(term_.parents, id_of_iri(first_word(trimmed(value.substr(kind.size())))));
        }
        if (tag == "synonym")
            if (auto synonym = quoted(value))
                return add(first_word(synonym->rest) == "EXACT" ? term_.exact : term_.related,
                           std::move(synonym->text));
        return {};
    }

    Result<void> add(std::vector<std::string>& list, std::string text) const {
        if (list.size() >= list_max)
            return wrong(fmt::format("adds to a list of already {} entries", list_max));
        if (!text.empty()) list.push_back(std::move(text));
        return {};
    }

    ReadTerms read_;
    Term term_;
    std::uint64_t line_ = 0;
    bool in_header_ = true, is_term_ = false, has_header_ = false;
};

}  // namespace

Result<ReadTerms> read_obo(std::string_view text) { return OboReader().read(text); }

}  // namespace stroma::ontology
