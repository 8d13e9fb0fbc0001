#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "base/json.h"
#include "front/api/json_fields.h"
#include "front/portal/portal_routes.h"

namespace stroma::front::portal {
namespace {

using stroma::portal::Card;

constexpr std::string_view link_kinds[] = {"PROTOCOL", "RAW_DATA",    "DOI",
                                           "OTHER",    "LAB_WEBSITE", "DATA_SOURCE"};

Json parsed(const std::string& text) {
    auto json = parse_json(text);
    return json ? *std::move(json) : Json(nullptr);
}

Result<std::string> doi_of(std::string text) {
    for (const std::string_view prefix : {"https://doi.org/", "http://doi.org/", "doi:"})
        if (text.starts_with(prefix)) text.erase(0, prefix.size());
    static const std::regex form("10\\.[0-9]{4,9}/[^\\s<>\"]+");
    if (text.empty() || (text.size() <= 300 && std::regex_match(text, form))) return text;
    return fail(api::error_at(ErrorCode::invalid_input, "/doi",
                              "'doi' must be a DOI such as 10.1038/s41586-020-2649-2"));
}

Result<void> check_link(const Json& link, std::size_t at) {
    const std::string pointer = fmt::format("/links/{}", at);
    const auto wrong = [&](std::string message) {
        return fail(api::error_at(ErrorCode::invalid_input, pointer, std::move(message)));
    };
    if (!link.is_object()) return wrong("a link must be an object");
    for (const auto& [name, value] : link.items())
        if (!value.is_string() || (name != "kind" && name != "url" && name != "title"))
            return wrong("a link has texts named kind, url and title only");
    const std::string url = link.value("url", ""), kind = link.value("kind", "OTHER");
    if (url.size() > 2000 || !(url.starts_with("https://") || url.starts_with("http://")))
        return wrong("a link's url must begin with https:// or http://");
    if (std::find(std::begin(link_kinds), std::end(link_kinds), kind) == std::end(link_kinds))
        return wrong("a link's kind is PROTOCOL, RAW_DATA, DOI, LAB_WEBSITE, DATA_SOURCE or OTHER");
    return {};
}

Result<void> check_publication(const Json& publication) {
    if (!publication.is_object())
        return fail(api::error_at(ErrorCode::invalid_input, "/publication",
                                  "'publication' must be an object"));
    for (const auto& [name, value] : publication.items()) {
        const bool good =
            name == "year" ? value.is_number_integer() || value.is_null()
            : name == "authors"
                ? value.is_array() && std::all_of(value.begin(), value.end(),
                                                  [](const Json& one) { return one.is_string(); })
                : (name == "title" || name == "journal") && value.is_string();
        if (!good)
            return fail(api::error_at(
                ErrorCode::invalid_input, "/publication/" + name,
                "a publication has title, authors (a list), journal and year (a number)"));
    }
    return {};
}

}  // namespace

Json card_json(const Card& card) {
    return {{"description", card.description},
            {"doi", card.doi.empty() ? Json(nullptr) : Json(card.doi)},
            {"contact", card.contact},
            {"links", parsed(card.links)},
            {"publication", parsed(card.publication)},
            {"citation", citation_of(card)},
            {"version", card.version},
            {"changed", api::time_json(card.changed_ms)}};
}

Result<void> change_card(api::JsonFields& fields, Card& card) {
    if (auto text = TRY(fields.optional_text("description"))) card.description = *std::move(text);
    if (auto text = TRY(fields.optional_text("contact"))) card.contact = *std::move(text);
    if (auto text = TRY(fields.optional_text("doi"))) card.doi = TRY(doi_of(*std::move(text)));
    if (const Json* links = fields.find("links")) {
        if (!links->is_array() || links->size() > 50)
            return fail(api::error_at(ErrorCode::invalid_input, "/links",
                                      "'links' must be an array of at most 50 links"));
        for (std::size_t at = 0; at < links->size(); ++at) TRY(check_link((*links)[at], at));
        card.links = links->dump();
    }
    if (const Json* publication = fields.find("publication")) {
        TRY(check_publication(*publication));
        card.publication = publication->dump();
    }
    return {};
}

Result<void> check_version(const http::Request& request, const Card& card) {
    const auto wanted = request.header("if-match");
    if (!wanted || *wanted == "*" || *wanted == fmt::format("\"{}\"", card.version)) return {};
    return fail(ErrorCode::conflict,
                "this was changed by somebody else meanwhile; read it again and repeat");
}

std::string citation_of(const Card& card) {
    const Json publication = parsed(card.publication);
    std::string line;
    if (publication.is_object()) {
        const Json authors = publication.value("authors", Json::array());
        for (std::size_t at = 0; at < std::min<std::size_t>(authors.size(), 3); ++at)
            line += (at == 0 ? "" : ", ") + authors[at].get<std::string>();
        if (authors.size() > 3) line += " et al.";
        if (const Json year = publication.value("year", Json()); year.is_number_integer())
            line += fmt::format("{}({})", line.empty() ? "" : " ", year.get<std::int64_t>());
        for (const char* part : {"title", "journal"})
            if (const std::string text = publication.value(part, ""); !text.empty())
                line += (line.empty() ? "" : line.ends_with(".") ? " " : ". ") + text;
    }
    if (!card.doi.empty()) line += (line.empty() ? "" : ". ") + ("https://doi.org/" + card.doi);
    return line;
}

Json entry_json(const stroma::portal::SearchEntry& entry) {
    const catalog::Dataset& dataset = entry.dataset;
    Json json{{"id", dataset.id},
              {"name", dataset.name},
              {"title", !dataset.title.empty() ? dataset.title
                        : entry.facts          ? entry.facts->title
                                               : ""},
              {"description", entry.card.description.substr(0, 400)},
              {"visibility", api::name_of_visibility(dataset.visibility)},
              {"owner", dataset.owner},
              {"revision", dataset.current_revision},
              {"collection", dataset.collection.empty() ? Json(nullptr)
                                                        : Json{{"id", dataset.collection},
                                                               {"title", entry.collection_title}}},
              {"doi", entry.card.doi.empty() ? Json(nullptr) : Json(entry.card.doi)},
              {"created", api::time_json(dataset.created_ms)},
              {"changed", api::time_json(dataset.changed_ms)}};
    if (!entry.facts) return json;
    json["cells"] = entry.facts->cells;
    json["genes"] = entry.facts->genes;
    Json facets = Json::object();
    for (const auto& value : entry.facts->facets) {
        Json& values = facets[value.facet];
        if (values.size() < 12) values.push_back(value.value);
    }
    json["facets"] = std::move(facets);
    return json;
}

}  // namespace stroma::front::portal
