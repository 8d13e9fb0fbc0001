#include <algorithm>

#include "base/json.h"
#include "front/portal/portal_routes.h"

namespace stroma::front::portal {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using stroma::portal::SearchQuestion;

Answer get_search(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    SearchQuestion question = TRY(question_of(request));
    if (request.query_value("mine") == "true") {
        if (request.principal.role == catalog::Role::anonymous)
            return fail(ErrorCode::denied, "who has no name has no datasets: sign in first");
        question.owner = request.principal.id;
    }
    const auto found = TRY(context.portal.search(request.principal, question));
    Json json{{"total", found.total},
              {"all", found.all},
              {"datasets", Json::array()},
              {"facets", Json::array()}};
    for (const auto& entry : found.entries) json["datasets"].push_back(entry_json(entry));
    for (const auto& facet : found.facets) {
        Json values = Json::array();
        for (const auto& value : facet.values)
            values.push_back(Json{{"value", value.value},
                                  {"term", value.term.empty() ? Json(nullptr) : Json(value.term)},
                                  {"datasets", value.datasets},
                                  {"chosen", value.chosen},
                                  {"broader", value.is_broader}});
        json["facets"].push_back(
            Json{{"name", facet.name}, {"title", facet.title}, {"values", std::move(values)}});
    }
    return listed_answer(request, json);
}

Answer get_profiles(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    Json json{{"profiles", Json::array()}};
    for (const auto& profile : context.portal.profiles())
        json["profiles"].push_back(Json{{"name", profile.name},
                                        {"title", profile.title},
                                        {"version", profile.version},
                                        {"about", profile.about},
                                        {"rules", profile.rule_count}});
    return api::json_answer(200, json);
}

}  // namespace

Result<SearchQuestion> question_of(const http::Request& request) {
    SearchQuestion question;
    question.text = request.query_value("q").value_or("").substr(0, 400);
    question.collection = request.query_value("collection").value_or("");
    question.order = request.query_value("order").value_or("");
    for (const auto& [name, value] : request.query)
        for (const auto& facet : stroma::portal::all_facets())
            if (facet.name == name) question.chosen[name].push_back(value);
    const auto low = TRY(api::query_integer(request, "cells_min", -1));
    const auto high = TRY(api::query_integer(request, "cells_max", -1));
    if (low >= 0) question.cells_min = static_cast<std::uint64_t>(low);
    if (high >= 0) question.cells_max = static_cast<std::uint64_t>(high);
    const auto offset = TRY(api::query_integer(request, "offset", 0));
    const auto limit = TRY(api::query_integer(request, "limit", 50));
    if (offset < 0 || limit < 0 || limit > 1000)
        return fail(ErrorCode::invalid_input,
                    "the query's 'offset' must be 0 or more and its 'limit' 0 to 1000");
    question.offset = static_cast<std::size_t>(offset);
    question.limit = static_cast<std::size_t>(limit);
    return question;
}

std::vector<PortalRoute> search_routes() {
    return {{"GET", "/v1/portal/search", get_search}, {"GET", "/v1/portal/profiles", get_profiles}};
}

}  // namespace stroma::front::portal
