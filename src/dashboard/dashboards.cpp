#include "dashboard/dashboards.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "sql/migrations.h"

namespace stroma::dashboard {

std::span<const sql::Migration> migrations();

namespace {

constexpr std::int64_t dashboards_of_one_max = 1000, versions_max = 100;
constexpr std::size_t id_bytes = 12;
constexpr std::array<std::string_view, 3> visibilities = {"private", "link", "public"};
constexpr std::string_view select_dashboard =
    "SELECT id, owner, title, visibility, version, created_ms, changed_ms FROM dashboards ";

Result<Dashboard> dashboard_in(const sql::Rows& rows) {
    return Dashboard{
        rows.text(0),    rows.text(1),    rows.text(2),   TRY(visibility_named(rows.text(3))),
        rows.integer(4), rows.integer(5), rows.integer(6)};
}

Result<std::optional<Dashboard>> dashboard_of(sql::Connection& connection, std::string_view id) {
    const auto rows = TRY(
        connection.execute(fmt::format("{} WHERE id = ?", select_dashboard), {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return TRY(dashboard_in(*rows));
}

Result<void> insert_version(sql::Connection& connection, const Dashboard& dashboard,
                            const Author& author, const Definition& definition) {
    TRY(connection.change("INSERT INTO dashboard_versions VALUES(?, ?, ?, ?, ?, ?)",
                          {dashboard.id, dashboard.version, author.id, author.name,
                           dashboard.changed_ms, definition.json}));
    TRY(connection.change("DELETE FROM dashboard_versions WHERE dashboard = ? AND version <= ?",
                          {dashboard.id, dashboard.version - versions_max}));
    return {};
}

tl::unexpected<Error> absent_dashboard(std::string_view id) {
    return fail(ErrorCode::not_found, fmt::format("there is no dashboard '{}'", id));
}

}  // namespace

std::string_view name_of(Visibility visibility) {
    return visibilities[static_cast<std::size_t>(visibility)];
}

Result<Visibility> visibility_named(std::string_view name) {
    for (std::size_t at = 0; at < visibilities.size(); ++at)
        if (visibilities[at] == name) return static_cast<Visibility>(at);
    return fail(ErrorCode::invalid_input,
                "at /visibility: 'visibility' must be private, link or public");
}

Result<std::unique_ptr<Dashboards>> Dashboards::open(sql::Database& control, const Clock& clock,
                                                     IdSource& ids) {
    TRY(sql::migrate(control, "dashboard", migrations()));
    return std::make_unique<Dashboards>(control, clock, ids);
}

Result<Dashboard> Dashboards::create(const Author& author, const Definition& definition) {
    Dashboard made{"dashboard-" + ids_.secret(id_bytes),
                   author.id,
                   definition.title,
                   Visibility::private_,
                   1,
                   clock_.unix_ms(),
                   clock_.unix_ms()};
    const auto connection = TRY(pool_.take());
    const auto work = [&]() -> Result<void> {
        const auto rows = TRY(
            connection->execute("SELECT count(*) FROM dashboards WHERE owner = ?", {author.id}));
        TRY(rows->next());
        if (rows->integer(0) >= dashboards_of_one_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("you have {} dashboards; remove some", dashboards_of_one_max));
        TRY(connection->change(
            "INSERT INTO dashboards VALUES(?, ?, ?, ?, ?, ?, ?)",
            {made.id, made.owner, made.title, std::string(name_of(made.visibility)), made.version,
             made.created_ms, made.changed_ms}));
        return insert_version(*connection, made, author, definition);
    };
    TRY(connection->in_transaction(work));
    return made;
}

Result<std::optional<Dashboard>> Dashboards::find(std::string_view id) {
    const auto connection = TRY(pool_.take());
    return dashboard_of(*connection, id);
}

Result<std::vector<Dashboard>> Dashboards::all() {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(
        connection->execute(fmt::format("{} ORDER BY title, created_ms, id", select_dashboard)));
    std::vector<Dashboard> found;
    while (TRY(rows->next())) {
        auto one = TRY(dashboard_in(*rows));
        found.push_back(std::move(one));
    }
    return found;
}

Result<Dashboard> Dashboards::save(std::string_view id, std::int64_t known, const Author& author,
                                   const Definition& definition) {
    Dashboard saved;
    const auto connection = TRY(pool_.take());
    const auto work = [&]() -> Result<void> {
        auto found = TRY(dashboard_of(*connection, id));
        if (!found) return absent_dashboard(id);
        saved = *std::move(found);
        if (known != 0 && known != saved.version)
            return fail(ErrorCode::conflict,
                        fmt::format("the dashboard was saved by somebody else since version {}: it "
                                    "is at version {}",
                                    known, saved.version));
        ++saved.version;
        saved.title = definition.title;
        saved.changed_ms = clock_.unix_ms();
        TRY(connection->change(
            "UPDATE dashboards SET title = ?, version = ?, changed_ms = ? WHERE id = ?",
            {saved.title, saved.version, saved.changed_ms, saved.id}));
        return insert_version(*connection, saved, author, definition);
    };
    TRY(connection->in_transaction(work));
    return saved;
}

Result<void> Dashboards::show_to(std::string_view id, Visibility visibility) {
    const auto connection = TRY(pool_.take());
    if (TRY(connection->change("UPDATE dashboards SET visibility = ? WHERE id = ?",
                               {std::string(name_of(visibility)), std::string(id)})) == 0)
        return absent_dashboard(id);
    return {};
}

Result<void> Dashboards::remove(std::string_view id) {
    const auto connection = TRY(pool_.take());
    const auto work = [&]() -> Result<void> {
        TRY(connection->change("DELETE FROM dashboard_versions WHERE dashboard = ?",
                               {std::string(id)}));
        TRY(connection->change("DELETE FROM dashboards WHERE id = ?", {std::string(id)}));
        return {};
    };
    return connection->in_transaction(work);
}

Result<std::vector<Version>> Dashboards::versions(std::string_view id) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT version, author, author_name, saved_ms FROM dashboard_versions WHERE dashboard = ? "
        "ORDER BY version DESC",
        {std::string(id)}));
    std::vector<Version> found;
    while (TRY(rows->next()))
        found.push_back({rows->integer(0), {rows->text(1), rows->text(2)}, rows->integer(3), ""});
    return found;
}

Result<Version> Dashboards::version(std::string_view id, std::int64_t number) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT version, author, author_name, saved_ms, definition FROM dashboard_versions WHERE "
        "dashboard = ? AND version = ?",
        {std::string(id), number}));
    if (!TRY(rows->next()))
        return fail(ErrorCode::not_found,
                    fmt::format("the dashboard '{}' has no version {} (the last {} are kept)", id,
                                number, versions_max));
    return Version{
        rows->integer(0), {rows->text(1), rows->text(2)}, rows->integer(3), rows->text(4)};
}

}  // namespace stroma::dashboard
