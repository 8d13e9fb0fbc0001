#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "sql/database.h"

namespace stroma::account {

struct AuditEntry {
    std::int64_t number = 0;  ///< rises; without gaps it is not promised
    std::int64_t time_ms = 0;
    std::string who, name;  ///< principal; "anonymous" for nobody
    std::string by, proof;  ///< "session", "token", "link" or "", and the id of it
    std::string action;     ///< a decision's ("change"), or what was done ("sign-in")
    std::string kind, thing;
    std::string outcome;  ///< "allowed" or "denied"
    std::string address, request, request_id;
};

struct AuditFilter {
    std::string who;  ///< id or name; "" is any, also below
    std::string action, thing, outcome;
    std::int64_t since_ms = 0, until_ms = 0;  ///< 0 is open
    std::int64_t before = 0;                  ///< numbers below this one; 0 is all
    std::int64_t limit = 100;                 ///< 1 … 1000
};

/// Who did what to which thing, when, from where, and whether they might. Only added to: the
/// database refuses to change or remove a line. The same denial, and the same use of a link, is
/// written once a minute. Any thread.
class Audit final : public catalog::Witness {
public:
    /// The tables are those of Accounts::open, which comes first. Both outlive the audit.
    Audit(sql::Database& database, const Clock& clock);
    ~Audit() override;

    Result<void> record(const catalog::Principal& principal, catalog::Action action,
                        const catalog::Thing& thing, bool allowed, std::string_view link) override;
    /// What no decision stands before: signing in and out, passwords, one's own tokens and links.
    Result<void> note(const catalog::Principal& principal, std::string_view action,
                      std::string_view kind, std::string_view thing, bool allowed);

    /// Newest first.
    Result<std::vector<AuditEntry>> entries(const AuditFilter& filter);

private:
    struct State;
    Result<void> add(const AuditEntry& entry);
    bool was_written(const AuditEntry& entry);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::account
