#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

// Who may do what: the relation of a principal to a thing is found first, then one table says what
// that relation allows, then the scopes of a token take away.

namespace stroma::catalog {
namespace {

enum class Relation { none, reader, writer, owner, administrator };

constexpr std::size_t action_count = 7;
/// Columns in the order of Action: read, create, change, remove, share, administer, comment.
constexpr std::array<std::array<bool, action_count>, 5> allowed = {{
    {false, false, false, false, false, false, false},  // none
    {true, false, false, false, false, false, true},    // reader
    {true, false, true, false, false, false, true},     // writer
    {true, false, true, true, true, false, true},       // owner
    {true, true, true, true, true, true, true},         // administrator
}};

bool allows(Relation relation, Action action) {
    return allowed[static_cast<std::size_t>(relation)][static_cast<std::size_t>(action)];
}

Relation relation_of_access(std::string_view access) {
    if (access == "own") return Relation::owner;
    if (access == "write") return Relation::writer;
    return access == "read" ? Relation::reader : Relation::none;
}

Result<Relation> granted(sql::Connection& connection, const Principal& principal,
                         const std::string& thing, const std::string& collection) {
    const auto rows = TRY(connection.execute(
        "SELECT access FROM grants WHERE principal = ? AND thing IN (?, ?) AND thing <> ''",
        {principal.id, thing, collection}));
    Relation best = Relation::none;
    while (TRY(rows->next())) best = std::max(best, relation_of_access(rows->text(0)));
    return best;
}

struct StoredThing {
    std::string id, owner, collection;
    Visibility visibility = Visibility::private_;
    bool withdrawn = false;
};

Result<std::optional<StoredThing>> stored(sql::Connection& connection, const Thing& thing) {
    if (thing.kind == ThingKind::dataset) {
        const auto dataset = TRY(dataset_by_id(connection, thing.id));
        if (!dataset) return std::nullopt;
        return StoredThing{dataset->id, dataset->owner, dataset->collection, dataset->visibility,
                           dataset->withdrawn};
    }
    const auto collection = TRY(collection_by_id(connection, thing.id));
    if (!collection) return std::nullopt;
    return StoredThing{collection->id, collection->owner, "", collection->visibility, false};
}

Result<Relation> relation_to_stored(sql::Connection& connection, const Principal& principal,
                                    const Thing& thing) {
    const auto found = TRY(stored(connection, thing));
    if (!found) return Relation::none;
    const bool somebody = principal.role != Role::anonymous;
    const bool owns = somebody && !found->owner.empty() && found->owner == principal.id;
    // Of a tombstone only its owner learns that it is one.
    if (found->withdrawn) return owns ? Relation::reader : Relation::none;
    if (owns) return Relation::owner;
    const Relation by_grant =
        somebody ? TRY(granted(connection, principal, found->id, found->collection))
                 : Relation::none;
    const Relation by_visibility =
        found->visibility == Visibility::public_ ? Relation::reader : Relation::none;
    return std::max(by_grant, by_visibility);
}

Result<Relation> relation_of(sql::ConnectionPool& pool, const Principal& principal,
                             const Thing& thing) {
    if (principal.role == Role::administrator) return Relation::administrator;
    switch (thing.kind) {
        case ThingKind::site: return Relation::reader;
        case ThingKind::dataset:
        case ThingKind::collection: {
            const auto connection = TRY(pool.take());
            return relation_to_stored(*connection, principal, thing);
        }
        case ThingKind::space:
        case ThingKind::job:
        case ThingKind::matrix_request:
        case ThingKind::upload:
        case ThingKind::view:
        case ThingKind::bucket:
        case ThingKind::stream:
        case ThingKind::queue:
        case ThingKind::bus: break;
        case ThingKind::result: return Relation::none;  // read by whoever may read its datasets
    }
    if (thing.owner.empty() || thing.owner != principal.id) {
        if (thing.kind == ThingKind::view && thing.by_link) return Relation::reader;
        if (thing.kind != ThingKind::space || principal.role == Role::anonymous)
            return Relation::none;
        const auto connection = TRY(pool.take());
        return granted(*connection, principal, thing.id, "");
    }
    if (principal.role != Role::anonymous) return Relation::owner;
    // Whoever has the id of a request that nobody in particular made may see it and its file: old
    // notebooks send no token. It holds public data only.
    return thing.kind == ThingKind::matrix_request ? Relation::reader : Relation::none;
}

constexpr std::string_view dataset_scope = "dataset:";

bool has_scope(const Principal& principal, std::string_view scope) {
    return std::find(principal.scopes.begin(), principal.scopes.end(), scope) !=
           principal.scopes.end();
}

bool limited_to_datasets(const Principal& principal) {
    return std::any_of(principal.scopes.begin(), principal.scopes.end(), [](const auto& scope) {
        return scope.substr(0, dataset_scope.size()) == dataset_scope;
    });
}

/// What a token's scopes leave. Asking for a matrix is reading; so is looking at the site.
bool in_scope(const Principal& principal, Action action, const Thing& thing) {
    if (principal.scopes.empty()) return true;
    if (limited_to_datasets(principal)) {
        const bool site = thing.kind == ThingKind::site && action == Action::read;
        const bool named = thing.kind == ThingKind::dataset && !thing.id.empty() &&
                           has_scope(principal, fmt::format("{}{}", dataset_scope, thing.id));
        if (!site && !named) return false;
    }
    if (has_scope(principal, "admin")) return true;
    if (action == Action::administer || action == Action::share) return false;
    if (has_scope(principal, "write")) return true;
    return action == Action::read ||
           (action == Action::create && thing.kind == ThingKind::matrix_request);
}

Result<bool> may_without_links(sql::ConnectionPool& pool, const Principal& principal, Action action,
                               const Thing& thing) {
    if (principal.disabled || !in_scope(principal, action, thing)) return false;
    // Strangers say nothing in public, unless a link lets them.
    if (action == Action::comment && principal.role == Role::anonymous) return false;
    if (action == Action::create)
        return principal.role == Role::administrator || thing.kind == ThingKind::matrix_request ||
               (principal.role == Role::user && thing.kind != ThingKind::site);
    return allows(TRY(relation_of(pool, principal, thing)), action);
}

/// The link among the principal's that lets it do the action to the thing, which is to read it or
/// to comment on it; "" when none does.
Result<std::string> allowing_link(sql::ConnectionPool& pool, const Principal& principal,
                                  Action action, const Thing& thing) {
    const bool can_be = action == Action::read || action == Action::comment;
    if (principal.links.empty() || principal.disabled || !can_be || thing.id.empty()) return "";
    std::string collection;
    if (thing.kind == ThingKind::dataset) {
        const auto connection = TRY(pool.take());
        const auto dataset = TRY(stored(*connection, thing));
        if (!dataset || dataset->withdrawn) return "";
        collection = dataset->collection;
    }
    for (const LinkRight& right : principal.links)
        if ((action == Action::read || right.comments) &&
            ((right.kind == thing.kind && right.thing == thing.id) ||
             (action == Action::read && thing.kind == ThingKind::dataset &&
              right.shown == thing.id) ||
             (right.kind == ThingKind::collection && !collection.empty() &&
              right.thing == collection)))
            return right.link;
    return "";
}

}  // namespace

Result<bool> Catalog::may(const Principal& principal, Action action, const Thing& thing) {
    return TRY(may_without_links(state_->pool, principal, action, thing)) ||
           !TRY(allowing_link(state_->pool, principal, action, thing)).empty();
}

Result<bool> Catalog::decide(const Principal& principal, Action action, const Thing& thing) {
    bool is_allowed = TRY(may_without_links(state_->pool, principal, action, thing));
    std::string link;
    if (!is_allowed) {
        link = TRY(allowing_link(state_->pool, principal, action, thing));
        is_allowed = !link.empty();
    }
    const bool is_told = !is_allowed || action != Action::read || !link.empty();
    if (is_told && state_->witness != nullptr)
        TRY(state_->witness->record(principal, action, thing, is_allowed, link));
    return is_allowed;
}

void Catalog::set_witness(Witness& witness) { state_->witness = &witness; }

Result<std::vector<std::string>> Catalog::readable_datasets(const Principal& principal) {
    std::vector<std::string> readable;
    if (principal.disabled) return readable;
    const bool everything = principal.role == Role::administrator;
    const std::string who = principal.role == Role::anonymous ? "" : principal.id;
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT id FROM datasets WHERE NOT withdrawn AND current_revision <> '' AND (? OR "
        "visibility = 'public' OR (owner = ? AND owner <> '') OR EXISTS(SELECT 1 FROM grants "
        "WHERE grants.principal = ? AND grants.thing IN (datasets.id, datasets.collection) "
        "AND grants.thing <> '')) ORDER BY id",
        {everything, who, who}));
    while (TRY(rows->next())) {
        const Thing thing{.kind = ThingKind::dataset, .id = rows->text(0), .owner = ""};
        if (in_scope(principal, Action::read, thing)) readable.push_back(thing.id);
    }
    return readable;
}

Result<void> Catalog::grant(const Grant& grant) {
    if (relation_of_access(grant.access) == Relation::none)
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' is no access; use read, write or own", grant.access));
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const bool is_known = grant.kind == ThingKind::space ||
                              TRY(dataset_by_id(connection, grant.thing)) ||
                              TRY(collection_by_id(connection, grant.thing));
        if (!is_known)
            return fail(ErrorCode::not_found,
                        fmt::format("there is no dataset or collection '{}'", grant.thing));
        if (!TRY(principal_by_id(connection, grant.principal)))
            return fail(ErrorCode::not_found,
                        fmt::format("there is no principal '{}'", grant.principal));
        TRY(connection.change("DELETE FROM grants WHERE thing = ? AND principal = ?",
                              {grant.thing, grant.principal}));
        TRY(connection.change("INSERT INTO grants VALUES(?, ?, ?)",
                              {grant.thing, grant.principal, grant.access}));
        return {};
    };
    return state_->in_transaction(work);
}

Result<void> Catalog::revoke(const Grant& grant) {
    const auto connection = TRY(state_->pool.take());
    if (TRY(connection->change("DELETE FROM grants WHERE thing = ? AND principal = ?",
                               {grant.thing, grant.principal})) == 0)
        return fail(ErrorCode::not_found, "there is no such grant");
    return {};
}

Result<std::vector<Grant>> Catalog::grants_on(std::string_view thing) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT thing, principal, access FROM grants WHERE thing = ? ORDER BY principal, access",
        {std::string(thing)}));
    std::vector<Grant> grants;
    while (TRY(rows->next())) grants.push_back({rows->text(0), rows->text(1), rows->text(2)});
    return grants;
}

}  // namespace stroma::catalog
