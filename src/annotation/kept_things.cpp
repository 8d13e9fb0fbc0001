#include "annotation/kept_things.h"

#include <fmt/format.h>

#include "annotation/label_state.h"
#include "base/json.h"

namespace stroma::annotation {
namespace {

constexpr std::size_t id_bytes = 16;
constexpr std::size_t selection_bytes_max = 256u << 20;

KeptThing thing_in(const sql::Rows& rows) {
    return {rows.text(0),    rows.text(1) == "view" ? KeptKind::view : KeptKind::selection,
            rows.text(2),    rows.text(3),
            rows.text(4),    rows.boolean(5),
            rows.integer(6), rows.text(7)};
}

}  // namespace

std::string_view name_of(KeptKind kind) { return kind == KeptKind::view ? "view" : "selection"; }

Result<CellRuns> cells_of(const KeptThing& selection) {
    const Json body = TRY(parse_json(selection.body, {.bytes_max = selection_bytes_max}));
    CellRuns cells;
    for (const Json& run : body.at("cells"))
        cells.emplace_back(run[0].get<std::uint32_t>(), run[1].get<std::uint32_t>());
    return cells;
}

Result<KeptThing> KeptThings::put(KeptThing thing) {
    TRY(check_text("name", thing.name));
    thing.id = fmt::format("{}-{}", name_of(thing.kind), ids_.secret(id_bytes));
    thing.created_ms = clock_.unix_ms();
    const auto connection = TRY(pool_.take());
    {
        const auto rows =
            TRY(connection->execute("SELECT count(*) FROM kept_things WHERE owner = ? AND kind = ?",
                                    {thing.owner, std::string(name_of(thing.kind))}));
        TRY(rows->next());
        if (rows->integer(0) >= kept_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("you keep {} {}s; remove some", kept_max, name_of(thing.kind)));
    }
    TRY(connection->change("INSERT INTO kept_things VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                           {thing.id, std::string(name_of(thing.kind)), thing.revision, thing.owner,
                            thing.name, thing.by_link, thing.created_ms, thing.body}));
    return thing;
}

Result<std::optional<KeptThing>> KeptThings::find(KeptKind kind, std::string_view id) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT id, kind, revision, owner, name, by_link, created_ms, body FROM kept_things "
        "WHERE id = ? AND kind = ?",
        {std::string(id), std::string(name_of(kind))}));
    if (!TRY(rows->next())) return std::nullopt;
    return thing_in(*rows);
}

Result<std::vector<KeptThing>> KeptThings::list(KeptKind kind, std::string_view owner,
                                                std::string_view revision) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT id, kind, revision, owner, name, by_link, created_ms, '' FROM kept_things WHERE "
        "kind = ? AND owner = ? AND ? IN ('', revision) ORDER BY created_ms DESC, id",
        {std::string(name_of(kind)), std::string(owner), std::string(revision)}));
    std::vector<KeptThing> things;
    while (TRY(rows->next())) things.push_back(thing_in(*rows));
    return things;
}

Result<void> KeptThings::remove(std::string_view id) {
    const auto connection = TRY(pool_.take());
    TRY(connection->change("DELETE FROM kept_things WHERE id = ?", {std::string(id)}));
    return {};
}

}  // namespace stroma::annotation
