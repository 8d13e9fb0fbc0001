#include "account/access_keys.h"

#include <cctype>

namespace stroma::account {
namespace {

constexpr std::int64_t remembered_ms = 1000;
constexpr std::size_t known_keys_max = 1000;

Result<bool> has_access_keys(sql::ConnectionPool& pool) {
    const auto connection = TRY(pool.take());
    const auto rows = TRY(connection->execute("SELECT count(*) FROM access_keys"));
    return TRY(rows->next()) && rows->integer(0) > 0;
}

AccessKey key_in(const sql::Rows& row) {
    return {row.text(0), row.text(1), row.text(2), row.integer(3)};
}

}  // namespace

AccessKeys::AccessKeys(sql::Database& database, catalog::Catalog& catalog, const Clock& clock,
                       IdSource& ids, fs::path key_file)
    : pool_(database),
      catalog_(catalog),
      clock_(clock),
      ids_(ids),
      secrets_(std::move(key_file), [this] { return has_access_keys(pool_); }) {}

Result<NewAccessKey> AccessKeys::create(std::string_view principal, std::string_view label) {
    const auto owner = TRY(catalog_.find_principal(principal));
    if (!owner)
        return fail(ErrorCode::not_found, "there is no user '" + std::string(principal) + "'");
    NewAccessKey made{{"STRM", owner->id, std::string(label), clock_.unix_ms()}, ids_.secret(20)};
    for (const char c : ids_.secret(8)) made.key.id += static_cast<char>(std::toupper(c));
    const std::string sealed = TRY(secrets_.seal(made.secret));
    const auto connection = TRY(pool_.take());
    TRY(connection->change(
        "INSERT INTO access_keys VALUES(?, ?, ?, ?, ?)",
        {made.key.id, made.key.principal, made.key.label, sealed, made.key.created_ms}));
    return made;
}

Result<std::vector<AccessKey>> AccessKeys::keys_of(std::string_view principal) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT id, principal, label, created_ms FROM access_keys WHERE principal = ? ORDER BY id",
        {std::string(principal)}));
    std::vector<AccessKey> keys;
    while (TRY(rows->next())) keys.push_back(key_in(*rows));
    return keys;
}

Result<void> AccessKeys::revoke(std::string_view id) {
    const auto connection = TRY(pool_.take());
    const auto gone =
        TRY(connection->change("DELETE FROM access_keys WHERE id = ?", {std::string(id)}));
    if (gone == 0)
        return fail(ErrorCode::not_found, "there is no access key '" + std::string(id) + "'");
    const std::lock_guard lock(mutex_);
    if (const auto found = remembered_.find(id); found != remembered_.end())
        remembered_.erase(found);
    return {};
}

Result<std::optional<AccessKeys::Known>> AccessKeys::find(std::string_view id) {
    {
        const std::lock_guard lock(mutex_);
        const auto found = remembered_.find(id);
        if (found != remembered_.end() && found->second.until_ms > clock_.steady_ms())
            return found->second.known;
    }
    std::string kept, principal;
    {
        const auto connection = TRY(pool_.take());
        const auto rows = TRY(connection->execute(
            "SELECT secret, principal FROM access_keys WHERE id = ?", {std::string(id)}));
        if (!TRY(rows->next())) return std::nullopt;
        kept = rows->text(0);
        principal = rows->text(1);
    }
    const auto owner = TRY(catalog_.find_principal(principal));
    if (!owner) return std::nullopt;
    Known known{TRY(secrets_.open(kept)), *owner};
    const std::lock_guard lock(mutex_);
    if (remembered_.size() >= known_keys_max) remembered_.clear();
    remembered_[std::string(id)] = {known, clock_.steady_ms() + remembered_ms};
    return known;
}

}  // namespace stroma::account
