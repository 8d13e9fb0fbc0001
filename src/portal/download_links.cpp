#include "base/digest.h"
#include "portal/portal_state.h"

// Download links.

namespace stroma::portal {

Result<Portal::NewLink> Portal::create_link(DownloadLink link) {
    const std::string secret = state_->ids.secret();
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

}  // namespace stroma::portal
