#include <algorithm>

#include "base/json.h"
#include "front/portal/portal_routes.h"

// Comments on a dataset, or on a view of it: read by its readers, written by those of them who have
// a name, and by whoever holds a link that lets comment.

namespace stroma::front::portal {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;
using stroma::portal::Comment;

constexpr std::string_view by_link = "link:";

/// Whether whoever asks wrote it; of strangers, who came by the same link.
bool is_theirs(const http::Request& request, const Comment& comment) {
    if (request.principal.role != catalog::Role::anonymous)
        return comment.author == request.principal.id;
    return std::any_of(
        request.principal.links.begin(), request.principal.links.end(),
        [&](const auto& right) { return comment.author == std::string(by_link) + right.link; });
}

Json comment_json(const http::Request& request, const Comment& comment, bool may_change) {
    const bool is_own = is_theirs(request, comment);
    Json json{{"id", comment.id},
              {"name", comment.author_name},
              {"by_link", comment.author.starts_with(by_link)},
              {"text", comment.text},
              {"created", api::time_json(comment.created_ms)},
              {"own", is_own},
              {"may_remove", is_own || may_change}};
    if (!comment.view.empty()) json["view"] = comment.view;
    return json;
}

catalog::Thing thing_of(const catalog::Dataset& dataset) {
    return {ThingKind::dataset, dataset.id, dataset.owner};
}

/// What is commented on: a dataset, or a view of it, that whoever asks may read.
struct Subject {
    catalog::Dataset dataset;
    std::optional<catalog::Thing> view;
    std::optional<http::Response> gone;
};

/// errors  not_found  of the view, too, where it isn't one of the dataset
Result<Subject> find_subject(PortalContext& context, http::Request& request,
                             const std::string& view) {
    auto found = TRY(find_dataset(context, request, Action::read));
    Subject subject{std::move(found.dataset), {}, std::move(found.gone)};
    if (subject.gone || view.empty()) return subject;
    const auto shown = context.find_view ? TRY(context.find_view(view)) : std::nullopt;
    if (!shown || shown->dataset != subject.dataset.id ||
        !TRY(may(context, request, Action::read, shown->thing)))
        return fail(ErrorCode::not_found, "this dataset has no view '" + view + "'");
    subject.view = shown->thing;
    return subject;
}

/// What the right to comment comes from: the view, which a link may be to alone, or the dataset.
Result<catalog::Thing> commented(PortalContext& context, const http::Request& request,
                                 const Subject& subject) {
    const bool by_view = subject.view && TRY(may(context, request, Action::comment, *subject.view));
    return by_view ? *subject.view : thing_of(subject.dataset);
}

Answer list_comments(PortalContext& context, http::Request& request) {
    const std::string view = request.query_value("view").value_or("");
    auto subject = TRY(find_subject(context, request, view));
    if (subject.gone) return *std::move(subject.gone);
    const bool may_change = TRY(may(context, request, Action::change, thing_of(subject.dataset)));
    const catalog::Thing thing = TRY(commented(context, request, subject));
    Json json{{"may_comment", TRY(may(context, request, Action::comment, thing))},
              {"comments", Json::array()}};
    for (const Comment& comment : TRY(context.portal.comments(subject.dataset.id, view)))
        json["comments"].push_back(comment_json(request, comment, may_change));
    return listed_answer(request, json);
}

/// Who says it; of a stranger the link by which they may, which the decision has found before.
std::string author_of(const http::Request& request, const Subject& subject) {
    if (request.principal.role != catalog::Role::anonymous) return request.principal.id;
    const auto gives = [&](const catalog::LinkRight& right) {
        if (!right.comments) return false;
        if (right.kind == ThingKind::view) return subject.view && right.thing == subject.view->id;
        return right.thing == subject.dataset.id || right.thing == subject.dataset.collection;
    };
    const auto& links = request.principal.links;
    const auto found = std::find_if(links.begin(), links.end(), gives);
    return std::string(by_link) + (found == links.end() ? "" : found->link);
}

Answer post_comment(PortalContext& context, http::Request& request) {
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    Comment comment;
    comment.text = TRY(fields.text("text"));
    comment.view = TRY(fields.text_or("view", ""));
    const std::string name = TRY(fields.text_or("name", ""));
    TRY(fields.finish());
    auto subject = TRY(find_subject(context, request, comment.view));
    if (subject.gone) return *std::move(subject.gone);
    const catalog::Thing thing = TRY(commented(context, request, subject));
    TRY(api::allow(context.api, request, Action::comment, thing));
    const bool is_stranger = request.principal.role == catalog::Role::anonymous;
    if (!is_stranger && !name.empty())
        return fail(api::error_at(ErrorCode::invalid_input, "/name",
                                  "who is signed in comments under their own name"));
    comment.dataset = subject.dataset.id;
    comment.author = author_of(request, subject);
    comment.author_name = is_stranger ? name : request.principal.name;
    const Comment made = TRY(context.portal.add_comment(std::move(comment)));
    return api::json_answer(201, comment_json(request, made, false));
}

Answer delete_comment(PortalContext& context, http::Request& request) {
    auto found = TRY(find_dataset(context, request, Action::read));
    if (found.gone) return *std::move(found.gone);
    const std::string& id = request.parameters["comment"];
    const auto comment = TRY(context.portal.find_comment(id));
    if (!comment || comment->dataset != found.dataset.id)
        return fail(ErrorCode::not_found, "there is no comment '" + id + "'");
    if (!is_theirs(request, *comment))
        TRY(api::allow(context.api, request, Action::change, thing_of(found.dataset)));
    TRY(context.portal.remove_comment(id));
    return http::text_response(204, "");
}

}  // namespace

std::vector<PortalRoute> comment_routes() {
    return {{"GET", "/v1/portal/datasets/{dataset}/comments", list_comments},
            {"POST", "/v1/portal/datasets/{dataset}/comments", post_comment},
            {"DELETE", "/v1/portal/datasets/{dataset}/comments/{comment}", delete_comment}};
}

}  // namespace stroma::front::portal
