#include <fmt/format.h>

#include "base/digest.h"
#include "base/json.h"
#include "portal/portal_state.h"

// Download links and the tiles of dashboards.

namespace stroma::portal {
namespace {

constexpr std::string_view select_tile =
    "SELECT id, owner, dashboard, title, statement, chart, visibility, seconds, place, created_ms "
    "FROM portal_tiles";

Tile tile_in(const sql::Rows& row) {
    Tile tile;
    tile.id = row.text(0);
    tile.owner = row.text(1);
    tile.dashboard = row.text(2);
    tile.title = row.text(3);
    tile.statement = row.text(4);
    tile.chart = row.text(5);
    tile.visibility =
        row.text(6) == "public" ? catalog::Visibility::public_ : catalog::Visibility::private_;
    tile.seconds = row.integer(7);
    tile.place = row.integer(8);
    tile.created_ms = row.integer(9);
    return tile;
}

}  // namespace

Result<Portal::NewLink> Portal::create_link(DownloadLink link) {
    const std::string secret = state_->ids.secret(32);
    link.id = state_->ids.uuid();
    link.created_ms = state_->clock.unix_ms();
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change("INSERT INTO portal_download_links VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                           {link.id, sha256_hex(secret), link.result, link.dataset, link.revision,
                            link.principal, link.created_ms, link.expires_ms}));
    return NewLink{std::move(link), secret};
}

Result<std::optional<DownloadLink>> Portal::find_link(std::string_view secret) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT id, result, dataset, revision, principal, created_ms, expires_ms "
        "FROM portal_download_links WHERE secret_hash = ?",
        {sha256_hex(secret)}));
    if (!TRY(rows->next())) return std::nullopt;
    return DownloadLink{rows->text(0), rows->text(1),    rows->text(2),   rows->text(3),
                        rows->text(4), rows->integer(5), rows->integer(6)};
}

Result<std::vector<Tile>> Portal::tiles(std::string_view principal) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        fmt::format("{} WHERE visibility = 'public' OR (owner = ? AND owner <> '') "
                    "ORDER BY dashboard, place, created_ms, id",
                    select_tile),
        {std::string(principal)}));
    std::vector<Tile> tiles;
    while (TRY(rows->next())) tiles.push_back(tile_in(*rows));
    return tiles;
}

Result<std::optional<Tile>> Portal::find_tile(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    const auto rows =
        TRY(connection->execute(fmt::format("{} WHERE id = ?", select_tile), {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return tile_in(*rows);
}

Result<Tile> Portal::put_tile(Tile tile) {
    if (tile.statement.size() > 65536)
        return fail(ErrorCode::exhausted, "the statement has more than 65536 bytes");
    if (tile.id.empty()) {
        tile.id = state_->ids.uuid();
        tile.created_ms = state_->clock.unix_ms();
    }
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change(
        "INSERT INTO portal_tiles VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE "
        "SET dashboard = excluded.dashboard, title = excluded.title, statement = "
        "excluded.statement, chart = excluded.chart, visibility = excluded.visibility, seconds = "
        "excluded.seconds, place = excluded.place",
        {tile.id, tile.owner, tile.dashboard, tile.title, tile.statement, tile.chart,
         tile.visibility == catalog::Visibility::public_ ? "public" : "private", tile.seconds,
         tile.place, tile.created_ms}));
    return tile;
}

Result<void> Portal::remove_tile(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change("DELETE FROM portal_tiles WHERE id = ?", {std::string(id)}));
    return {};
}

}  // namespace stroma::portal
