#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "account/secret_box.h"
#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "sql/connection_pool.h"

namespace stroma::account {

/// A pair with which AWS clients sign, as a principal has it.
struct AccessKey {
    std::string id;  ///< "STRMAB12…", 20 characters
    std::string principal, label;
    std::int64_t created_ms = 0;
};

struct NewAccessKey {
    AccessKey key;
    std::string secret;  ///< shown once
};

/// Access keys of principals. A signature can only be checked with the secret itself, so it is
/// kept: encrypted, in the control database, under a key in a file of its own (mode 0600), so that
/// neither the database nor a copy of it gives secrets away. Any thread.
class AccessKeys {
public:
    /// The tables are those of Accounts::open, which comes first. The file is made with the first
    /// key. All outlive this.
    AccessKeys(sql::Database& database, catalog::Catalog& catalog, const Clock& clock,
               IdSource& ids, fs::path key_file);

    /// errors  not_found    no such principal
    ///         unavailable  the key file is gone, but other secrets are encrypted under it
    Result<NewAccessKey> create(std::string_view principal, std::string_view label);
    Result<std::vector<AccessKey>> keys_of(std::string_view principal);
    /// errors  not_found
    Result<void> revoke(std::string_view id);

    struct Known {
        std::string secret;
        catalog::Principal principal;
    };
    /// Nothing when the id is unknown or revoked. What was found is believed for a second.
    Result<std::optional<Known>> find(std::string_view id);
    /// Encrypts other secrets of the data folder under the same key.
    TextSealer& secrets() { return secrets_; }

private:
    struct Remembered {
        Known known;
        std::int64_t until_ms = 0;  ///< of the steady clock
    };
    sql::ConnectionPool pool_;
    catalog::Catalog& catalog_;
    const Clock& clock_;
    IdSource& ids_;
    SecretBox secrets_;
    std::mutex mutex_;
    std::map<std::string, Remembered, std::less<>> remembered_;
};

}  // namespace stroma::account
