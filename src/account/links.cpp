#include "account/links.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "sql/connection_pool.h"

namespace stroma::account {
namespace {

using catalog::Action;
using catalog::ThingKind;

constexpr std::size_t label_bytes_max = 200;
constexpr std::string_view select_link =
    "SELECT id, kind, thing, label, creator, created_ms, expires_ms, used_ms, uses, revoked, "
    "comments "
    "FROM links";

std::string_view kind_name(ThingKind kind) {
    if (kind == ThingKind::collection) return "collection";
    if (kind == ThingKind::view) return "view";
    return kind == ThingKind::result ? "result" : "dataset";
}

ThingKind kind_named(std::string_view name) {
    if (name == "collection") return ThingKind::collection;
    if (name == "view") return ThingKind::view;
    return name == "result" ? ThingKind::result : ThingKind::dataset;
}

Link link_in(const sql::Rows& row) {
    return {.id = row.text(0),
            .kind = kind_named(row.text(1)),
            .thing = row.text(2),
            .label = row.text(3),
            .creator = row.text(4),
            .created_ms = row.integer(5),
            .expires_ms = row.integer(6),
            .used_ms = row.integer(7),
            .uses = row.integer(8),
            .revoked = row.boolean(9),
            .comments = row.boolean(10)};
}

Result<std::vector<Link>> select(sql::ConnectionPool& pool, std::string_view where,
                                 std::string_view value) {
    const auto connection = TRY(pool.take());
    const auto rows = TRY(connection->execute(
        fmt::format("{} WHERE {} ORDER BY created_ms DESC, id", select_link, where),
        {std::string(value)}));
    std::vector<Link> links;
    while (TRY(rows->next())) links.push_back(link_in(*rows));
    return links;
}

tl::unexpected<Error> no_thing(ThingKind kind, std::string_view thing) {
    return fail(ErrorCode::not_found, fmt::format("there is no {} '{}'", kind_name(kind), thing));
}

}  // namespace

struct Links::State {
    sql::ConnectionPool pool;
    catalog::Catalog& catalog;
    const Clock& clock;
    IdSource& ids;
    SourcesOfResult sources;
    FindView find_view;
};

Links::Links(sql::Database& database, catalog::Catalog& catalog, const Clock& clock, IdSource& ids,
             SourcesOfResult sources, FindView find_view)
    : state_(new State{sql::ConnectionPool(database), catalog, clock, ids, std::move(sources),
                       std::move(find_view)}) {}
Links::~Links() = default;

Result<bool> Links::may_share(const catalog::Principal& creator, ThingKind kind,
                              std::string_view thing, bool is_asked_for) {
    catalog::Catalog& catalog = state_->catalog;
    const auto ask = [&](const catalog::Thing& what) {
        return is_asked_for ? catalog.decide(creator, Action::share, what)
                            : catalog.may(creator, Action::share, what);
    };
    if (kind == ThingKind::view) {
        const auto view = TRY(state_->find_view(thing));
        return view &&
               TRY(catalog.may(creator, Action::read,
                               {kind, std::string(thing), view->owner, view->by_link})) &&
               TRY(ask({ThingKind::dataset, view->dataset, ""}));
    }
    if (kind != ThingKind::result) return ask({kind, std::string(thing), ""});
    const auto datasets = TRY(state_->sources(thing));
    for (const std::string& dataset : datasets)
        if (!TRY(ask({ThingKind::dataset, dataset, ""}))) return false;
    return !datasets.empty();
}

/// The id of what the order names. errors  not_found
Result<std::string> Links::id_of(const catalog::Principal& creator, const Order& order) {
    if (order.kind == ThingKind::dataset) {
        const auto dataset = TRY(state_->catalog.find_dataset(order.thing));
        if (dataset) return dataset->id;
    } else if (order.kind == ThingKind::collection) {
        const auto collection = TRY(state_->catalog.find_collection(order.thing));
        if (collection) return collection->id;
    } else if (order.kind == ThingKind::view) {
        const auto view = TRY(state_->find_view(order.thing));
        if (view && TRY(state_->catalog.may(creator, Action::read,
                                            {order.kind, order.thing, view->owner, view->by_link})))
            return order.thing;
    } else if (!TRY(state_->sources(order.thing)).empty()) {
        return order.thing;
    }
    return no_thing(order.kind, order.thing);
}

Result<NewLink> Links::create(const catalog::Principal& creator, const Order& order) {
    if (order.label.size() > label_bytes_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("a link's label has at most {} bytes", label_bytes_max));
    if (order.comments && order.kind == ThingKind::result)
        return fail(ErrorCode::invalid_input, "nobody comments on a result: link its dataset");
    const std::string id = TRY(id_of(creator, order));
    if (!TRY(may_share(creator, order.kind, id, true))) {
        // Whoever may see a view may see what it shows.
        const bool may_read =
            order.kind == ThingKind::view ||
            (order.kind != ThingKind::result &&
             TRY(state_->catalog.may(creator, Action::read, {order.kind, id, ""})));
        if (!may_read) return no_thing(order.kind, order.thing);
        return fail(ErrorCode::denied, "only who may share it may make a link to it");
    }
    const std::int64_t now = state_->clock.unix_ms();
    NewLink made{{.id = state_->ids.uuid(),
                  .kind = order.kind,
                  .thing = id,
                  .label = order.label,
                  .creator = creator.id,
                  .created_ms = now,
                  .expires_ms = now + order.length.count(),
                  .used_ms = 0,
                  .uses = 0,
                  .revoked = false,
                  .comments = order.comments},
                 "link_" + state_->ids.secret()};
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change(
        "INSERT INTO links VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
        {made.link.id, sha256_hex(made.secret), std::string(kind_name(order.kind)), id,
         made.link.label, creator.id, now, made.link.expires_ms, false, order.comments}));
    return made;
}

Result<std::optional<Link>> Links::find(std::string_view id) {
    auto found = TRY(select(state_->pool, "id = ?", id));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<std::vector<Link>> Links::links_of(std::string_view creator) {
    return select(state_->pool, "creator = ?", creator);
}

Result<std::vector<Link>> Links::links_on(std::string_view thing) {
    return select(state_->pool, "thing = ?", thing);
}

Result<void> Links::revoke(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    if (TRY(connection->change("UPDATE links SET revoked = ? WHERE id = ?",
                               {true, std::string(id)})) == 0)
        return fail(ErrorCode::not_found, fmt::format("there is no link '{}'", id));
    return {};
}

Result<bool> Links::holds(const Link& link) {
    if (link.revoked || link.expires_ms <= state_->clock.unix_ms()) return false;
    const auto creator = TRY(state_->catalog.find_principal(link.creator));
    return creator && !creator->disabled && TRY(may_share(*creator, link.kind, link.thing, false));
}

Result<std::optional<Link>> Links::open(std::string_view secret) {
    auto found = TRY(select(state_->pool, "secret_hash = ?", sha256_hex(secret)));
    if (found.empty()) return std::nullopt;
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change("UPDATE links SET uses = uses + 1, used_ms = ? WHERE id = ?",
                           {state_->clock.unix_ms(), found.front().id}));
    return std::move(found.front());
}

Result<std::optional<catalog::LinkRight>> Links::right_of(std::string_view secret) {
    const auto found = TRY(select(state_->pool, "secret_hash = ?", sha256_hex(secret)));
    if (found.empty() || !TRY(holds(found.front()))) return std::nullopt;
    const Link& link = found.front();
    // Of a result the link names a file; its right is to the selection, whatever the format.
    const std::size_t end =
        link.kind == ThingKind::result ? link.thing.find('.') : std::string::npos;
    catalog::LinkRight right{link.id, link.kind, link.thing.substr(0, end), "", link.comments};
    if (link.kind == ThingKind::view)
        if (const auto view = TRY(state_->find_view(link.thing))) right.shown = view->dataset;
    return right;
}

}  // namespace stroma::account
