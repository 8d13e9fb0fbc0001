#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace stroma::catalog {
namespace {

constexpr std::string_view select_revision =
    "SELECT id, dataset, number, state, object_key, object_etag, source, content_key, cells, "
    "genes, nonzeros, created_ms FROM revisions";

Revision revision_in(const sql::Rows& row) {
    Revision revision;
    revision.id = row.text(0);
    revision.dataset = row.text(1);
    revision.number = row.integer(2);
    const std::string state = row.text(3);
    revision.state = state == "pending" ? RevisionState::pending
                     : state == "ready" ? RevisionState::ready
                                        : RevisionState::removed;
    revision.object_key = row.text(4);
    revision.object_etag = row.text(5);
    revision.source = row.text(6);
    revision.content_key = row.text(7);
    revision.cells = static_cast<std::uint64_t>(row.integer(8));
    revision.genes = static_cast<std::uint64_t>(row.integer(9));
    revision.nonzeros = static_cast<std::uint64_t>(row.integer(10));
    revision.created_ms = row.integer(11);
    return revision;
}

Result<std::vector<Revision>> select(sql::Connection& connection, std::string_view where,
                                     std::initializer_list<sql::Value> parameters = {}) {
    const auto rows =
        TRY(connection.execute(fmt::format("{} {}", select_revision, where), parameters));
    std::vector<Revision> revisions;
    while (TRY(rows->next())) revisions.push_back(revision_in(*rows));
    return revisions;
}

Result<std::optional<Revision>> select_one(sql::Connection& connection, std::string_view where,
                                           std::initializer_list<sql::Value> parameters) {
    auto revisions = TRY(select(connection, where, parameters));
    if (revisions.empty()) return std::nullopt;
    return std::move(revisions.front());
}

Error no_revision(std::string_view id) {
    return {ErrorCode::not_found, fmt::format("there is no revision '{}'", id)};
}

/// Makes the revision the current one unless a newer one is.
Result<void> make_current(sql::Connection& connection, const Revision& revision,
                          std::int64_t now_ms) {
    TRY(connection.change(
        "UPDATE datasets SET current_revision = ?, changed_ms = ? WHERE id = ? AND NOT EXISTS("
        "SELECT 1 FROM revisions WHERE revisions.id = datasets.current_revision "
        "AND revisions.number > ?)",
        {revision.id, now_ms, revision.dataset, revision.number}));
    return raise_data_version(connection);
}

}  // namespace

Result<Revision> Catalog::begin_revision(std::string_view dataset, std::string_view content_key,
                                         std::string_view source) {
    std::optional<Revision> begun;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto of = TRY(dataset_by_id(connection, dataset));
        if (!of || of->withdrawn)
            return fail(ErrorCode::not_found, fmt::format("there is no dataset '{}'", dataset));
        if (!content_key.empty())
            begun = TRY(select_one(connection,
                                   "WHERE dataset = ? AND content_key = ? AND state = 'pending'",
                                   {of->id, std::string(content_key)}));
        if (begun) return {};
        const std::string id = state_->ids.uuid();
        TRY(connection.change(
            "INSERT INTO revisions SELECT ?, ?, coalesce(max(number), 0) + 1, 'pending', '', '', "
            "?, ?, 0, 0, 0, ? FROM revisions WHERE dataset = ?",
            {id, of->id, std::string(source), std::string(content_key), state_->clock.unix_ms(),
             of->id}));
        begun = TRY(select_one(connection, "WHERE id = ?", {id}));
        return {};
    };
    TRY(state_->in_transaction(work));
    return *std::move(begun);
}

Result<void> Catalog::publish_revision(const Revision& revision) {
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto before = TRY(select_one(connection, "WHERE id = ?", {revision.id}));
        if (!before) return fail(no_revision(revision.id));
        const bool repeat = before->state == RevisionState::ready &&
                            before->object_key == revision.object_key &&
                            before->object_etag == revision.object_etag;
        if (repeat) return {};
        if (before->state != RevisionState::pending)
            return fail(
                ErrorCode::conflict,
                fmt::format("revision '{}' is {} and cannot be published again", revision.id,
                            before->state == RevisionState::ready ? "sealed" : "removed"));
        TRY(connection.change(
            "UPDATE revisions SET state = 'ready', object_key = ?, object_etag = ?, cells = ?, "
            "genes = ?, nonzeros = ? WHERE id = ?",
            {revision.object_key, revision.object_etag, static_cast<std::int64_t>(revision.cells),
             static_cast<std::int64_t>(revision.genes),
             static_cast<std::int64_t>(revision.nonzeros), revision.id}));
        return make_current(connection, *before, state_->clock.unix_ms());
    };
    return state_->in_transaction(work);
}

Result<void> Catalog::remove_revision(std::string_view revision) {
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto before = TRY(select_one(connection, "WHERE id = ?", {std::string(revision)}));
        if (!before) return fail(no_revision(revision));
        if (before->state == RevisionState::removed) return {};
        TRY(connection.change("UPDATE revisions SET state = 'removed' WHERE id = ?", {before->id}));
        // An older revision doesn't come back by itself: a delete wins over an older create.
        TRY(connection.change(
            "UPDATE datasets SET current_revision = '', changed_ms = ?, withdrawn = NOT EXISTS("
            "SELECT 1 FROM revisions WHERE dataset = ? AND state <> 'removed') "
            "WHERE id = ? AND current_revision = ?",
            {state_->clock.unix_ms(), before->dataset, before->dataset, before->id}));
        return raise_data_version(connection);
    };
    return state_->in_transaction(work);
}

Result<std::optional<Revision>> Catalog::find_revision(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    return select_one(*connection, "WHERE id = ?", {std::string(id)});
}

Result<std::vector<Revision>> Catalog::revisions(std::string_view dataset) {
    const auto connection = TRY(state_->pool.take());
    return select(*connection, "WHERE dataset = ? ORDER BY number", {std::string(dataset)});
}

Result<std::vector<Revision>> Catalog::pending_revisions() {
    const auto connection = TRY(state_->pool.take());
    return select(*connection, "WHERE state = 'pending' ORDER BY created_ms, id");
}

}  // namespace stroma::catalog
