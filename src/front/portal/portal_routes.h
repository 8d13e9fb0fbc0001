#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/portal/portal_front.h"

// What the route files of this folder share.

namespace stroma::front::portal {

struct PortalContext {
    api::ApiContext api;
    stroma::portal::Portal& portal;
    ontology::Ontologies& ontologies;
    stroma::explorer::Explorer& explorer;
    std::string doi_resolver;
    FindShownView find_view;
};

using PortalHandler = Result<http::Response> (*)(PortalContext&, http::Request&);
struct PortalRoute {
    const char* method;
    const char* pattern;
    PortalHandler handler;
};
std::vector<PortalRoute> search_routes();
std::vector<PortalRoute> record_routes();
std::vector<PortalRoute> collection_routes();
std::vector<PortalRoute> file_routes();
std::vector<PortalRoute> ontology_routes();
std::vector<PortalRoute> expression_routes();
std::vector<PortalRoute> comment_routes();

/// What a query asks of the datasets. errors  invalid_input
Result<stroma::portal::SearchQuestion> question_of(const http::Request& request);

/// The dataset that the path names, for that action; `gone` instead when it has been taken away and
/// the principal may know of it.
struct FoundDataset {
    catalog::Dataset dataset;
    std::optional<http::Response> gone;
};
Result<FoundDataset> find_dataset(PortalContext& context, http::Request& request,
                                  catalog::Action action);
/// What changes and is asked for again and again: with a strong ETag (304 where the client has it),
/// packed as the client takes it.
Result<http::Response> listed_answer(const http::Request& request,
                                     const nlohmann::ordered_json& json);
/// 410 with the reason.
http::Response gone_response(const http::Request& request, const std::string& reason);

/// A card as JSON, and the changes of a request's body put into a card. errors  invalid_input
nlohmann::ordered_json card_json(const stroma::portal::Card& card);
Result<void> change_card(api::JsonFields& fields, stroma::portal::Card& card);
/// The version that If-Match asks for. errors  conflict  it isn't the card's
Result<void> check_version(const http::Request& request, const stroma::portal::Card& card);
/// Authors, year, title, journal, DOI: one line. "" when nothing is known.
std::string citation_of(const stroma::portal::Card& card);
/// Whether the principal may, as true or false.
Result<bool> may(PortalContext& context, const http::Request& request, catalog::Action action,
                 const catalog::Thing& thing);
nlohmann::ordered_json may_json(PortalContext& context, const http::Request& request,
                                const catalog::Thing& thing);
/// A dataset in a list.
nlohmann::ordered_json entry_json(const stroma::portal::SearchEntry& entry);

}  // namespace stroma::front::portal
