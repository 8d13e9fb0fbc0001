#include <fmt/format.h>

#include <unordered_map>

#include "base/json.h"
#include "ontology/term_reading.h"

// OBO Graphs JSON (github.com/geneontology/obographs): nodes and edges by their IRIs.

namespace stroma::ontology {
namespace {

constexpr std::string_view replaced_by_property = "http://purl.obolibrary.org/obo/IAO_0100001";

std::string text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// A member that is a list; an empty one when it isn't there.
const Json& list_of(const Json& object, const char* name) {
    static const Json nothing = Json::array();
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() && found->is_array() ? *found : nothing;
}

Result<void> add(std::vector<std::string>& list, std::string text, const std::string& id) {
    if (text.size() > text_bytes_max || list.size() >= list_max)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("the term '{}' has a text or a list past its limit", id.substr(0, 100)));
    for (char& c : text)
        if (c == '\n' || c == '\r' || c == '\0') c = ' ';
    if (!text.empty()) list.push_back(std::move(text));
    return {};
}

Result<Term> term_of(const Json& node) {
    Term term;
    term.id = id_of_iri(text_of(node, "id"));
    std::vector<std::string> name;
    TRY(add(name, text_of(node, "lbl"), term.id));
    if (!name.empty()) term.name = std::move(name.front());
    const auto meta = node.find("meta");
    if (meta == node.end() || !meta->is_object()) return term;
    const auto deprecated = meta->find("deprecated");
    term.is_deprecated =
        deprecated != meta->end() && deprecated->is_boolean() && deprecated->get<bool>();
    for (const Json& synonym : list_of(*meta, "synonyms")) {
        if (!synonym.is_object()) continue;
        const bool is_exact = text_of(synonym, "pred") == "hasExactSynonym";
        TRY(add(is_exact ? term.exact : term.related, text_of(synonym, "val"), term.id));
    }
    for (const Json& property : list_of(*meta, "basicPropertyValues"))
        if (property.is_object() && text_of(property, "pred") == replaced_by_property)
            term.replaced_by = id_of_iri(text_of(property, "val"));
    return term;
}

Result<void> read_graph(const Json& graph, ReadTerms& read) {
    if (read.ontology.empty()) read.ontology = text_of(graph, "id");
    if (const auto meta = graph.find("meta"); meta != graph.end() && meta->is_object())
        if (const std::string version = text_of(*meta, "version"); !version.empty())
            read.version = version;
    std::unordered_map<std::string, std::size_t> places;
    for (const Json& node : list_of(graph, "nodes")) {
        if (!node.is_object()) continue;
        const std::string type = text_of(node, "type");
        if (!type.empty() && type != "CLASS") continue;
        Term term = TRY(term_of(node));
        if (term.id.empty()) continue;
        if (read.terms.size() >= terms_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("the file has more than {} terms", terms_max));
        places.emplace(term.id, read.terms.size());
        read.terms.push_back(std::move(term));
    }
    for (const Json& edge : list_of(graph, "edges")) {
        if (!edge.is_object()) continue;
        const std::string kind = text_of(edge, "pred");
        if (kind != "is_a" && id_of_iri(kind) != "BFO:0000050") continue;
        const auto child = places.find(id_of_iri(text_of(edge, "sub")));
        if (child == places.end()) continue;
        Term& term = read.terms[child->second];
        TRY(add(term.parents, id_of_iri(text_of(edge, "obj")), term.id));
    }
    return {};
}

}  // namespace

Result<ReadTerms> read_obo_graph(std::string_view text) {
    if (text.size() > json_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("JSON of {} bytes; the limit is {}: take the ontology's OBO file",
                                text.size(), json_bytes_max));
    const Json json = TRY(parse_json(text, {.bytes_max = json_bytes_max}));
    const Json& graphs = list_of(json, "graphs");
    if (graphs.empty())
        return fail(ErrorCode::invalid_input, "this JSON is no OBO graph: it has no 'graphs'");
    ReadTerms read;
    for (const Json& graph : graphs)
        if (graph.is_object()) TRY(read_graph(graph, read));
    return read;
}

}  // namespace stroma::ontology
