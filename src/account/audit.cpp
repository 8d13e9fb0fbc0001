#include "account/audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/connection_pool.h"

namespace stroma::account {
namespace {

using catalog::Action;
using catalog::ThingKind;

constexpr std::size_t remembered_max = 10'000;
constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t limit_max = 1000;
constexpr std::size_t request_bytes_max = 500;

std::string_view name_of(Action action) {
    switch (action) {
        case Action::read: return "read";
        case Action::create: return "create";
        case Action::change: return "change";
        case Action::remove: return "remove";
        case Action::share: return "share";
        case Action::administer: return "administer";
        case Action::comment: return "comment";
    }
    return "";
}

std::string_view name_of(ThingKind kind) {
    switch (kind) {
        case ThingKind::site: return "site";
        case ThingKind::collection: return "collection";
        case ThingKind::dataset: return "dataset";
        case ThingKind::job: return "job";
        case ThingKind::matrix_request: return "matrix_request";
        case ThingKind::upload: return "upload";
        case ThingKind::result: return "result";
        case ThingKind::space: return "space";
        case ThingKind::view: return "view";
        case ThingKind::bucket: return "bucket";
        case ThingKind::stream: return "stream";
        case ThingKind::queue: return "queue";
        case ThingKind::bus: return "bus";
    }
    return "";
}

AuditEntry entry_of(const catalog::Principal& principal, std::string_view action,
                    std::string_view kind, std::string_view thing, bool allowed) {
    const catalog::Asking& asking = principal.asking;
    return {.who = principal.id,
            .name = principal.name,
            .by = asking.by,
            .proof = asking.proof,
            .action = std::string(action),
            .kind = std::string(kind),
            .thing = std::string(thing),
            .outcome = allowed ? "allowed" : "denied",
            .address = asking.address,
            .request = asking.request.substr(0, request_bytes_max),
            .request_id = asking.request_id};
}

AuditEntry entry_in(const sql::Rows& row) {
    return {.number = row.integer(0),
            .time_ms = row.integer(1),
            .who = row.text(2),
            .name = row.text(3),
            .by = row.text(4),
            .proof = row.text(5),
            .action = row.text(6),
            .kind = row.text(7),
            .thing = row.text(8),
            .outcome = row.text(9),
            .address = row.text(10),
            .request = row.text(11),
            .request_id = row.text(12)};
}

}  // namespace

struct Audit::State {
    State(sql::Database& database, const Clock& the_clock) : pool(database), clock(the_clock) {}
    sql::ConnectionPool pool;
    const Clock& clock;
    std::mutex mutex;
    std::int64_t minute = 0;
    std::set<std::string> written;  // what this minute needs no second line for
};

Audit::Audit(sql::Database& database, const Clock& clock)
    : state_(std::make_unique<State>(database, clock)) {}
Audit::~Audit() = default;

bool Audit::was_written(const AuditEntry& entry) {
    const std::string key =
        fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", entry.who, entry.proof, entry.action, entry.kind,
                    entry.thing, entry.outcome, entry.address);
    const std::int64_t minute = state_->clock.unix_ms() / minute_ms;
    const std::lock_guard lock(state_->mutex);
    if (minute != state_->minute || state_->written.size() >= remembered_max)
        state_->written.clear();
    state_->minute = minute;
    return !state_->written.insert(key).second;
}

Result<void> Audit::add(const AuditEntry& entry) {
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change(
        "INSERT INTO audit(time_ms, who, name, came_by, proof, action, kind, thing, outcome, "
        "address, request, request_id) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {state_->clock.unix_ms(), entry.who, entry.name, entry.by, entry.proof, entry.action,
         entry.kind, entry.thing, entry.outcome, entry.address, entry.request, entry.request_id}));
    return {};
}

Result<void> Audit::record(const catalog::Principal& principal, Action action,
                           const catalog::Thing& thing, bool allowed, std::string_view link) {
    AuditEntry entry = entry_of(principal, name_of(action), name_of(thing.kind), thing.id, allowed);
    if (!link.empty()) {
        entry.by = "link";
        entry.proof = link;
    }
    if ((!allowed || !link.empty()) && was_written(entry)) return {};
    return add(entry);
}

Result<void> Audit::note(const catalog::Principal& principal, std::string_view action,
                         std::string_view kind, std::string_view thing, bool allowed) {
    return add(entry_of(principal, action, kind, thing, allowed));
}

Result<std::vector<AuditEntry>> Audit::entries(const AuditFilter& filter) {
    std::string where = "1 = 1";
    std::vector<sql::Value> values;
    const auto add_text = [&](std::string_view condition, const std::string& value) {
        if (value.empty()) return;
        where += fmt::format(" AND {}", condition);
        values.insert(values.end(),
                      static_cast<std::size_t>(std::count(condition.begin(), condition.end(), '?')),
                      sql::Value(value));
    };
    const auto add_number = [&](std::string_view condition, std::int64_t value) {
        if (value == 0) return;
        where += fmt::format(" AND {}", condition);
        values.emplace_back(value);
    };
    add_text("(who = ? OR name = ?)", filter.who);
    add_text("action = ?", filter.action);
    add_text("thing = ?", filter.thing);
    add_text("outcome = ?", filter.outcome);
    add_number("time_ms >= ?", filter.since_ms);
    add_number("time_ms < ?", filter.until_ms);
    add_number("number < ?", filter.before);
    values.emplace_back(std::clamp<std::int64_t>(filter.limit, 1, limit_max));
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        fmt::format("SELECT number, time_ms, who, name, came_by, proof, action, kind, thing, "
                    "outcome, address, request, request_id FROM audit WHERE {} ORDER BY number "
                    "DESC LIMIT ?",
                    where),
        std::span<const sql::Value>(values)));
    std::vector<AuditEntry> entries;
    while (TRY(rows->next())) entries.push_back(entry_in(*rows));
    return entries;
}

}  // namespace stroma::account
