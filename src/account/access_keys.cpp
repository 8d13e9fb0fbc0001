#include "account/access_keys.h"

#include <sodium.h>

#include <cctype>

#include "base/bytes.h"

namespace stroma::account {
namespace {

constexpr std::int64_t remembered_ms = 1000;
constexpr std::size_t known_keys_max = 1000;

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    randombytes_buf(bytes.data(), count);
    return bytes;
}

const unsigned char* raw(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// Nonce and encrypted text.
std::string sealed(const std::string& master, const std::string& secret) {
    std::string nonce = random_bytes(crypto_secretbox_NONCEBYTES);
    std::string box(secret.size() + crypto_secretbox_MACBYTES, '\0');
    crypto_secretbox_easy(raw(box), raw(secret), secret.size(), raw(nonce), raw(master));
    return nonce + box;
}

Result<std::string> opened(const std::string& master, const std::string& kept) {
    constexpr std::size_t least = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (kept.size() >= least) {
        const std::string nonce = kept.substr(0, crypto_secretbox_NONCEBYTES);
        const std::string box = kept.substr(crypto_secretbox_NONCEBYTES);
        std::string secret(box.size() - crypto_secretbox_MACBYTES, '\0');
        if (crypto_secretbox_open_easy(raw(secret), raw(box), box.size(), raw(nonce),
                                       raw(master)) == 0)
            return secret;
    }
    return fail(ErrorCode::corrupt,
                "an access key's secret can't be decrypted: the key file isn't the one it was "
                "encrypted under");
}

Result<std::string> master_key(sql::ConnectionPool& pool, const fs::path& file) {
    if (fs::exists(file)) {
        std::string key = TRY(read_file(file, crypto_secretbox_KEYBYTES));
        if (key.size() == crypto_secretbox_KEYBYTES) return key;
        return fail(
            ErrorCode::unavailable,
            file.string() + " is damaged: it must have 32 bytes; put it back from a backup");
    }
    const auto connection = TRY(pool.take());
    const auto rows = TRY(connection->execute("SELECT count(*) FROM access_keys"));
    if (TRY(rows->next()) && rows->integer(0) > 0)
        return fail(ErrorCode::unavailable, file.string() +
                                                " is gone, and access keys are encrypted under "
                                                "it: put it back from a backup");
    std::string key = random_bytes(crypto_secretbox_KEYBYTES);
    TRY(replace_file(file, as_bytes(key)));
    return key;
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
      key_file_(std::move(key_file)) {}

Result<std::string> AccessKeys::master() {
    const std::lock_guard lock(mutex_);
    if (sodium_init() < 0) return fail(ErrorCode::unavailable, "libsodium can't be used here");
    if (master_.empty()) master_ = TRY(master_key(pool_, key_file_));
    return master_;
}

Result<NewAccessKey> AccessKeys::create(std::string_view principal, std::string_view label) {
    const auto owner = TRY(catalog_.find_principal(principal));
    if (!owner)
        return fail(ErrorCode::not_found, "there is no user '" + std::string(principal) + "'");
    NewAccessKey made{{"STRM", owner->id, std::string(label), clock_.unix_ms()}, ids_.secret(20)};
    for (const char c : ids_.secret(8)) made.key.id += static_cast<char>(std::toupper(c));
    const std::string key = TRY(master());
    const auto connection = TRY(pool_.take());
    TRY(connection->change("INSERT INTO access_keys VALUES(?, ?, ?, ?, ?)",
                           {made.key.id, made.key.principal, made.key.label,
                            to_hex(as_bytes(sealed(key, made.secret))), made.key.created_ms}));
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
    std::string box(kept.size() / 2, '\0');
    std::size_t size = 0;
    if (sodium_hex2bin(raw(box), box.size(), kept.data(), kept.size(), nullptr, &size, nullptr) !=
        0)
        return fail(ErrorCode::corrupt, "an access key's secret is damaged");
    box.resize(size);
    const std::string key = TRY(master());
    Known known{TRY(opened(key, box)), *owner};
    const std::lock_guard lock(mutex_);
    if (remembered_.size() >= known_keys_max) remembered_.clear();
    remembered_[std::string(id)] = {known, clock_.steady_ms() + remembered_ms};
    return known;
}

}  // namespace stroma::account
