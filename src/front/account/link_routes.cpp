#include "base/json.h"
#include "front/account/account_routes.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/http/url.h"

// Capability links: made, listed, ended, opened.

namespace stroma::front::account {
namespace {

using Answer = Result<http::Response>;
using catalog::ThingKind;
using stroma::account::Link;

std::string_view name_of(ThingKind kind) {
    if (kind == ThingKind::collection) return "collection";
    if (kind == ThingKind::view) return "view";
    return kind == ThingKind::result ? "result" : "dataset";
}

Result<ThingKind> kind_named(std::string_view name) {
    for (const ThingKind kind :
         {ThingKind::dataset, ThingKind::collection, ThingKind::result, ThingKind::view})
        if (name == name_of(kind)) return kind;
    return fail(
        api::error_at(ErrorCode::invalid_input, "/kind",
                      "'kind' must be \"dataset\", \"collection\", \"result\" or \"view\""));
}

Json link_json(const Link& link) {
    return {{"id", link.id},
            {"kind", name_of(link.kind)},
            {"thing", link.thing},
            {"rights", link.comments ? "comment" : "read"},
            {"label", link.label},
            {"creator", link.creator},
            {"created", api::time_json(link.created_ms)},
            {"expires", api::time_json(link.expires_ms)},
            {"used", api::time_json(link.used_ms)},
            {"uses", link.uses},
            {"revoked", link.revoked}};
}

Result<void> needs_somebody(const http::Request& request) {
    if (request.principal.role != catalog::Role::anonymous) return {};
    return fail(ErrorCode::denied, "sign in first, or send a token");
}

/// Whether the principal looks after the link: it is theirs, or they may share the thing.
Result<bool> looks_after(const Site& site, const catalog::Principal& principal, const Link& link) {
    if (principal.scopes.empty() && link.creator == principal.id) return true;
    const bool is_shared_apart = link.kind == ThingKind::result || link.kind == ThingKind::view;
    const ThingKind kind = is_shared_apart ? ThingKind::site : link.kind;
    const catalog::Action action =
        kind == ThingKind::site ? catalog::Action::administer : catalog::Action::share;
    return site.domain.access.may(principal, action, {kind, link.thing, ""});
}

Answer create_link(const Site& site, http::Request& request) {
    TRY(needs_somebody(request));
    const Json body = TRY(api::json_body(request, body_bytes_max));
    api::JsonFields fields(body);
    const std::string kind_name = TRY(fields.text("kind"));
    const std::string thing = TRY(fields.text("thing"));
    const std::string rights = TRY(fields.text_or("rights", "read"));
    const std::string label = TRY(fields.text_or("label", ""));
    const std::int64_t seconds = TRY(fields.integer_or("expires_in_seconds", 0));
    TRY(fields.finish());
    if (rights != "read" && rights != "comment")
        return fail(api::error_at(ErrorCode::invalid_input, "/rights",
                                  "'rights' must be \"read\" or \"comment\""));
    if (seconds <= 0)
        return fail(api::error_at(ErrorCode::invalid_input, "/expires_in_seconds",
                                  "a link must expire: 'expires_in_seconds' is needed"));
    const ThingKind kind = TRY(kind_named(kind_name));
    const Milliseconds length = TRY(length_of(seconds, 0));
    const auto made = TRY(site.domain.links.create(
        request.principal, {kind, thing, label, length, rights == "comment"}));
    TRY(site.domain.audit.note(request.principal, "create", "link", made.link.id, true));
    Json json = link_json(made.link);
    json["url"] = visit_of(request, site.options).base_url + "/l/" + made.secret;
    return api::json_answer(201, json);
}

Answer list_links(const Site& site, http::Request& request) {
    TRY(needs_somebody(request));
    const auto thing = request.query_value("thing");
    Json json{{"links", Json::array()}};
    const auto links = TRY(thing ? site.domain.links.links_on(*thing)
                                 : site.domain.links.links_of(request.principal.id));
    for (const Link& link : links)
        if (TRY(looks_after(site, request.principal, link)))
            json["links"].push_back(link_json(link));
    return api::json_answer(200, json);
}

Answer revoke_link(const Site& site, http::Request& request) {
    TRY(needs_somebody(request));
    const std::string& id = request.parameters["link"];
    const auto link = TRY(site.domain.links.find(id));
    const bool may = link && TRY(looks_after(site, request.principal, *link));
    if (link) TRY(site.domain.audit.note(request.principal, "remove", "link", id, may));
    if (!may) return fail(ErrorCode::not_found, "there is no link '" + id + "'");
    TRY(site.domain.links.revoke(id));
    return no_content();
}

/// Where the thing is looked at, seen from /l/<secret>, so that it holds behind any prefix.
std::string page_of(const Link& link, const std::string& shown) {
    const std::string id = http::percent_encode(link.thing);
    if (link.kind == ThingKind::result) return "../v1/results/" + id;
    if (link.kind == ThingKind::view)
        return "../#/explore/" + http::percent_encode(shown) + "?view=" + id;
    return (link.kind == ThingKind::collection ? "../#/collections/" : "../#/datasets/") + id;
}

Answer open_link(const Site& site, http::Request& request) {
    const std::string& secret = request.parameters["secret"];
    const auto link = TRY(site.domain.links.open(secret));
    if (!link) return fail(ErrorCode::not_found, "there is no such link");
    const bool holds = TRY(site.domain.links.holds(*link));
    catalog::Principal principal = request.principal;
    principal.asking.by = "link";
    principal.asking.proof = link->id;
    principal.asking.request = "GET /l/…";
    TRY(site.domain.audit.note(principal, "open", name_of(link->kind), link->thing, holds));
    if (!holds)
        return api::error_response(
            request, 410,
            Error{ErrorCode::not_found, "this link is over; ask who sent it for a new one"});
    const Visit visit = visit_of(request, site.options);
    std::vector<std::string> secrets{secret};
    for (const std::string& other : visit.links)
        if (other != secret) secrets.push_back(other);
    http::Response response = http::text_response(303, "");
    const auto right = TRY(site.domain.links.right_of(secret));
    response.headers.emplace_back("Location", page_of(*link, right ? right->shown : ""));
    response.headers.emplace_back("Set-Cookie", links_cookie(visit, secrets));
    return response;
}

}  // namespace

std::vector<AccountRoute> link_routes() {
    return {{"POST", "/v1/links", create_link},
            {"GET", "/v1/links", list_links},
            {"DELETE", "/v1/links/{link}", revoke_link},
            {"GET", "/l/{secret}", open_link}};
}

}  // namespace stroma::front::account
