#include "ontology/term_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/ascii.h"
#include "ontology/term_reading.h"

namespace stroma::ontology {
namespace {

constexpr std::size_t id_bytes_max = 100;

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

/// "uberon" of "uberon/basic", "cl.owl" and "http://purl.obolibrary.org/obo/cl/cl-basic.json".
std::string short_name(std::string_view ontology) {
    for (const std::string_view before : {"/obo/", "/efo/"})
        if (const auto at = ontology.rfind(before); at != ontology.npos)
            ontology.remove_prefix(at + before.size());
    std::size_t end = 0;
    while (end < ontology.size() && is_word(ontology[end])) ++end;
    return ascii_lower(ontology.substr(0, end));
}

/// The prefix that the ontology's name says, else the one of most terms.
std::string own_prefix(const ReadTerms& read) {
    std::map<std::string_view, std::size_t> counts;
    for (const Term& term : read.terms)
        if (const auto prefix = prefix_of(term.id); !prefix.empty()) ++counts[prefix];
    const std::string name = short_name(read.ontology);
    std::string_view most;
    for (const auto& [prefix, terms] : counts) {
        if (ascii_lower(prefix) == name) return std::string(prefix);
        if (most.empty() || terms > counts[most]) most = prefix;
    }
    return std::string(most);
}

}  // namespace

std::string_view prefix_of(std::string_view id) {
    std::size_t end = 0;
    while (end < id.size() && is_letter(id[end])) ++end;
    // Cellosaurus writes CVCL_0030.
    const bool is_parted =
        end < id.size() && (id[end] == ':' || (id[end] == '_' && id.starts_with("CVCL_")));
    const bool is_id = end > 0 && is_parted && end + 1 < id.size() && id.size() <= id_bytes_max &&
                       std::all_of(id.begin() + static_cast<std::ptrdiff_t>(end) + 1, id.end(),
                                   [](char c) { return is_word(c) || c == '_'; });
    return is_id ? id.substr(0, end) : std::string_view();
}

std::string id_of_iri(std::string_view iri) {
    if (!iri.starts_with("http")) return std::string(iri);
    std::string id(iri.substr(iri.find_last_of("/#") + 1));
    if (const auto bar = id.find('_'); bar != id.npos) id[bar] = ':';
    return id;
}

Result<std::vector<Term>> read_obo_terms(std::string_view text) {
    return TRY(read_obo(text)).terms;
}

Result<TermFile> read_terms(std::string_view text) {
    if (text.size() > file_bytes_max)
        return fail(ErrorCode::exhausted, fmt::format("the file has {} bytes; the limit is {}",
                                                      text.size(), file_bytes_max));
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    const bool is_json = first != text.npos && text[first] == '{';
    ReadTerms read = is_json ? TRY(read_obo_graph(text)) : TRY(read_obo(text));
    TermFile file{own_prefix(read), std::move(read.version), {}};
    if (file.prefix.empty())
        return fail(ErrorCode::invalid_input,
                    "the file has no term with an id like UBERON:0002048");
    for (Term& term : read.terms)
        if (prefix_of(term.id) == file.prefix && (!term.name.empty() || term.is_deprecated))
            file.terms.push_back(std::move(term));
    return file;
}

}  // namespace stroma::ontology
