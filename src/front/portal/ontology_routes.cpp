#include "base/json.h"
#include "front/portal/portal_routes.h"

// Ontologies: which are here, their terms by words, and reading one in.

namespace stroma::front::portal {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using ontology::Term;

constexpr std::int64_t terms_limit = 100;

Json imported_json(const ontology::ImportedOntology& one) {
    return {{"prefix", one.prefix},
            {"version", one.version},
            {"terms", one.terms},
            {"imported", api::time_json(one.imported_ms)}};
}

Json short_json(const Term& term) { return {{"id", term.id}, {"name", term.name}}; }

Answer list_ontologies(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    Json json{{"ontologies", Json::array()}};
    for (const auto& one : TRY(context.ontologies.list()))
        json["ontologies"].push_back(imported_json(one));
    json["terms"] = TRY(context.ontologies.terms())->size();
    return api::json_answer(200, json);
}

Answer import_ontology(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::administer, {}));
    const std::string text = TRY(request.text_body(ontology::file_bytes_max));
    return api::json_answer(
        201, imported_json(TRY_WITH(context.ontologies.import(text), "the request's body")));
}

Answer remove_ontology(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::administer, {}));
    TRY(context.ontologies.remove(request.parameters["prefix"]));
    http::Response response;
    response.status = 204;
    return response;
}

/// The prefixes that a query asks for: those of a facet, or one. Views of `one` or for ever.
Result<std::vector<std::string_view>> prefixes_of(const http::Request& request,
                                                  const std::string& one) {
    if (const auto name = request.query_value("facet")) {
        const auto facet = stroma::portal::facet_place(*name);
        if (!facet || stroma::portal::all_facets()[*facet].ontologies.empty())
            return fail(ErrorCode::invalid_input, "no ontology has terms for the facet '" + *name +
                                                      "'; see /v1/portal/search");
        return stroma::portal::all_facets()[*facet].ontologies;
    }
    if (one.empty()) return std::vector<std::string_view>();
    return std::vector<std::string_view>{one};
}

Answer search_terms(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    const std::string words = request.query_value("q").value_or("").substr(0, 200);
    const std::string prefix = request.query_value("prefix").value_or("");
    const auto prefixes = TRY(prefixes_of(request, prefix));
    const std::int64_t limit = TRY(api::query_integer(request, "limit", 20));
    if (limit < 1 || limit > terms_limit)
        return fail(ErrorCode::invalid_input, "the query's 'limit' must be 1 to 100");
    const auto terms = TRY(context.ontologies.terms());
    Json json{{"terms", Json::array()}};
    for (const auto& found : terms->search(words, prefixes, static_cast<std::size_t>(limit))) {
        const Term& term = (*terms)[found.term];
        Json one = short_json(term);
        one["found_by"] = found.by;
        json["terms"].push_back(std::move(one));
    }
    return api::json_answer(200, json);
}

Answer get_term(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    const std::string& id = request.parameters["term"];
    const auto terms = TRY(context.ontologies.terms());
    const auto found = terms->by_id(id);
    if (!found)
        return fail(ErrorCode::not_found,
                    "there is no term '" + id + "' among the ontologies that are here");
    const Term& term = (*terms)[*found];
    Json json = short_json(term);
    json["synonyms"] = term.exact;
    json["related"] = term.related;
    json["deprecated"] = term.is_deprecated;
    json["replaced_by"] = term.replaced_by.empty() ? Json(nullptr) : Json(term.replaced_by);
    json["broader"] = Json::array();
    for (const auto one : terms->broader(*found))
        json["broader"].push_back(short_json((*terms)[one]));
    json["complete"] = terms->whole().contains(ontology::prefix_of(id));
    return api::json_answer(200, json);
}

}  // namespace

std::vector<PortalRoute> ontology_routes() {
    return {{"GET", "/v1/ontology", list_ontologies},
            {"POST", "/v1/ontology", import_ontology},
            {"DELETE", "/v1/ontology/{prefix}", remove_ontology},
            {"GET", "/v1/ontology/terms", search_terms},
            {"GET", "/v1/ontology/terms/{term}", get_term}};
}

}  // namespace stroma::front::portal
