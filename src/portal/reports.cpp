#include "portal/portal_state.h"
#include "portal/validation.h"

namespace stroma::portal {

Result<std::optional<std::string>> Portal::kept_report(std::string_view id,
                                                       std::string_view profile) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(
        connection->execute("SELECT report FROM portal_reports WHERE revision = ? AND profile = ?",
                            {std::string(id), std::string(profile)}));
    if (!TRY(rows->next())) return std::nullopt;
    return rows->text(0);
}

Result<std::string> Portal::report(std::string_view revision, std::string_view profile) {
    if (auto kept = TRY(kept_report(revision, profile))) return *std::move(kept);
    const auto sealed = TRY(state_->open_revision(revision));
    std::string made = TRY(validate(*sealed, profile, {}));
    TRY(put_report(revision, profile, made));
    return made;
}

Result<void> Portal::put_report(std::string_view revision, std::string_view profile,
                                std::string_view report) {
    const auto connection = TRY(state_->pool.take());
    TRY(
        connection->change("INSERT INTO portal_reports VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET "
                           "report = excluded.report",
                           {std::string(revision), std::string(profile), std::string(report)}));
    return {};
}

}  // namespace stroma::portal
