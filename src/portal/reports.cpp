#include "base/json.h"
#include "portal/portal_state.h"

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

const std::vector<Profile>& Portal::profiles() const { return state_->profiles; }

Result<std::string> Portal::inspect(const expression::SealedDataset& dataset,
                                    std::string_view profile, const expression::Watch& watch) {
    const Profile& rules = TRY(profile_named(state_->profiles, profile));
    return validate(dataset, rules, *TRY(state_->ontologies.terms()), watch);
}

Result<std::string> Portal::report(std::string_view revision, std::string_view profile) {
    const Profile& rules = TRY(profile_named(state_->profiles, profile));
    const std::string basis = basis_of(rules, *TRY(state_->ontologies.terms()));
    if (auto kept = TRY(kept_report(revision, profile)))
        if (const auto json = parse_json(*kept); json && json->value("basis", "") == basis)
            return *std::move(kept);
    const auto sealed = TRY(state_->open_revision(revision));
    std::string made = TRY(inspect(*sealed, profile, {}));
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
