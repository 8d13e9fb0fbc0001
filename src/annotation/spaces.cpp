#include "annotation/spaces.h"

#include "annotation/annotations.h"
#include "annotation/label_state.h"

namespace stroma::annotation {
namespace {

Space space_in(const sql::Rows& rows) {
    return {rows.text(0), rows.text(1), rows.text(2), rows.integer(3)};
}

constexpr std::string_view columns = "SELECT id, owner, title, created_ms FROM spaces ";

Result<std::vector<std::string>> revisions_named(sql::Connection& connection) {
    const auto rows = TRY(connection.execute(
        "SELECT revision FROM label_columns UNION SELECT revision FROM gene_set_changes UNION "
        "SELECT revision FROM kept_things"));
    std::vector<std::string> revisions;
    while (TRY(rows->next())) revisions.push_back(rows->text(0));
    return revisions;
}

}  // namespace

Result<std::unique_ptr<Annotations>> Annotations::open(sql::Database& control, const Clock& clock,
                                                       IdSource& ids) {
    TRY(sql::migrate(control, "annotation", migrations()));
    return std::make_unique<Annotations>(control, clock, ids);
}

Result<Space> Spaces::create(std::string_view owner, std::string_view title) {
    TRY(check_text("title", title));
    Space space{"space-" + ids_.uuid(), std::string(owner), std::string(title), clock_.unix_ms()};
    const auto connection = TRY(pool_.take());
    TRY(connection->change("INSERT INTO spaces VALUES(?, ?, ?, ?)",
                           {space.id, space.owner, space.title, space.created_ms}));
    return space;
}

Result<std::optional<Space>> Spaces::find(std::string_view id) {
    const auto connection = TRY(pool_.take());
    const auto rows =
        TRY(connection->execute(std::string(columns) + "WHERE id = ?", {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return space_in(*rows);
}

Result<std::vector<Space>> Spaces::all() {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(std::string(columns) + "ORDER BY created_ms, id"));
    std::vector<Space> spaces;
    while (TRY(rows->next())) spaces.push_back(space_in(*rows));
    return spaces;
}

Result<void> Spaces::remove(std::string_view id) {
    const auto connection = TRY(pool_.take());
    const std::string space(id);
    return connection->in_transaction([&]() -> Result<void> {
        TRY(
            connection->change("DELETE FROM label_changes WHERE column_id IN (SELECT id FROM "
                               "label_columns WHERE space = ?)",
                               {space}));
        TRY(connection->change("DELETE FROM label_columns WHERE space = ?", {space}));
        TRY(connection->change("DELETE FROM gene_set_changes WHERE space = ?", {space}));
        if (TRY(connection->change("DELETE FROM spaces WHERE id = ?", {space})) == 0)
            return fail(ErrorCode::not_found, "there is no space '" + space + "'");
        return {};
    });
}

Result<void> Spaces::forget_removed(
    const std::function<Result<bool>(const std::string& revision)>& is_there) {
    const auto connection = TRY(pool_.take());
    for (const std::string& revision : TRY(revisions_named(*connection))) {
        if (TRY(is_there(revision))) continue;
        const auto work = [&]() -> Result<void> {
            TRY(
                connection->change("DELETE FROM label_changes WHERE column_id IN (SELECT id FROM "
                                   "label_columns WHERE revision = ?)",
                                   {revision}));
            TRY(connection->change("DELETE FROM label_columns WHERE revision = ?", {revision}));
            TRY(connection->change("DELETE FROM gene_set_changes WHERE revision = ?", {revision}));
            TRY(connection->change("DELETE FROM kept_things WHERE revision = ?", {revision}));
            return {};
        };
        TRY(connection->in_transaction(work));
    }
    return {};
}

}  // namespace stroma::annotation
