#include <fmt/format.h>

#include <mutex>

#include "base/json.h"
#include "event/events.h"
#include "event/events_state.h"

namespace stroma::event {
namespace {

Error no_archive(std::string_view name) {
    return {ErrorCode::not_found, fmt::format("Archive {} does not exist.", name)};
}

}  // namespace

Replay replay_of(const sql::Rows& rows) {
    Replay replay;
    replay.name = rows.text(0);
    replay.archive = rows.text(1);
    replay.bus = rows.text(2);
    replay.owner = rows.text(3);
    replay.attributes = Json::parse(rows.text(4), nullptr, false);
    replay.from_ms = rows.integer(5);
    replay.to_ms = rows.integer(6);
    replay.reached_ms = rows.integer(7);
    replay.reached_position = rows.integer(8);
    replay.state = rows.text(9);
    replay.started_ms = rows.integer(10);
    replay.ended_ms = rows.integer(11);
    return replay;
}

Result<void> Events::put_archive(const std::string& name, const std::string& bus,
                                 const std::string& owner, Json attributes, bool is_new) {
    const std::lock_guard lock(state_->changing);
    const auto known = find_archive(name);
    if (is_new && known)
        return fail(ErrorCode::already_exists, fmt::format("Archive {} already exists.", name));
    if (!is_new && !known) return fail(no_archive(name));
    Archive archive;
    if (known) archive = *known;
    if (!known) {
        if (!find_bus(bus))
            return fail(ErrorCode::not_found, fmt::format("Event bus {} does not exist.", bus));
        archive.name = name;
        archive.bus = bus;
        archive.owner = owner;
        archive.created_ms = state_->clock.unix_ms();
        archive.arn = arn_of(state_->options.region, "archive/" + name);
    }
    archive.pattern.reset();
    if (const auto pattern = attributes.find("EventPattern");
        pattern != attributes.end() && pattern->is_string() && *pattern != "")
        archive.pattern = TRY(Pattern::read(pattern->get<std::string>()));
    archive.attributes = std::move(attributes);
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change(
            "INSERT INTO event_archives VALUES(?, ?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET "
            "attributes = excluded.attributes",
            {archive.name, archive.bus, archive.owner, text_of(archive.attributes),
             archive.created_ms}));
        return {};
    };
    TRY(state_->group.run(work));
    const std::lock_guard unique(state_->mutex);
    state_->archives[name] = std::make_shared<const Archive>(std::move(archive));
    return {};
}

std::optional<Archive> Events::find_archive(std::string_view name) const {
    const std::shared_lock lock(state_->mutex);
    const auto found = state_->archives.find(name);
    return found == state_->archives.end() ? std::nullopt : std::optional(*found->second);
}

std::vector<Archive> Events::archives() const {
    const std::shared_lock lock(state_->mutex);
    std::vector<Archive> all;
    for (const auto& [name, archive] : state_->archives) all.push_back(*archive);
    return all;
}

Result<Events::Archived> Events::archived(std::string_view archive) {
    const auto connection = TRY(state_->readers.take());
    const auto rows =
        TRY(connection->execute("SELECT count(*), coalesce(sum(length(CAST(event AS BLOB))), 0) "
                                "FROM archived_events WHERE archive = ?",
                                {std::string(archive)}));
    TRY(rows->next());
    return Archived{rows->integer(0), rows->integer(1)};
}

Result<void> Events::remove_archive(std::string_view name) {
    const std::lock_guard lock(state_->changing);
    if (!find_archive(name)) return fail(no_archive(name));
    const std::string archive(name);
    {
        const std::lock_guard unique(state_->mutex);
        state_->archives.erase(archive);
    }
    return state_->group.run([&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM archived_events WHERE archive = ?", {archive}));
        TRY(connection.change("DELETE FROM event_archives WHERE name = ?", {archive}));
        return {};
    });
}

Result<void> Events::start_replay(const Replay& replay) {
    if (!find_archive(replay.archive)) return fail(no_archive(replay.archive));
    const auto inserted = state_->group.run([&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change(
            "INSERT INTO event_replays VALUES(?, ?, ?, ?, ?, ?, ?, ?, -1, 'RUNNING', ?, 0)",
            {replay.name, replay.archive, replay.bus, replay.owner, text_of(replay.attributes),
             replay.from_ms, replay.to_ms, replay.from_ms, state_->clock.unix_ms()}));
        return {};
    });
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        return fail(ErrorCode::already_exists,
                    fmt::format("Replay {} already exists.", replay.name));
    state_->wake();
    return inserted;
}

Result<std::vector<Replay>> Events::replays() {
    const auto connection = TRY(state_->readers.take());
    const auto rows = TRY(connection->execute(
        fmt::format("SELECT {} FROM event_replays ORDER BY name", replay_columns)));
    std::vector<Replay> all;
    while (TRY(rows->next())) all.push_back(replay_of(*rows));
    return all;
}

Result<void> Events::cancel_replay(std::string_view name) {
    const auto work = [&](sql::Connection& connection) -> Result<std::int64_t> {
        return connection.change(
            "UPDATE event_replays SET state = 'CANCELLED', ended_ms = ? WHERE name = ? AND state = "
            "'RUNNING'",
            {state_->clock.unix_ms(), std::string(name)});
    };
    if (TRY(state_->group.run(work)) == 0)
        return fail(ErrorCode::conflict,
                    fmt::format("Replay {} is not in a valid state for this operation.", name));
    return {};
}

/// Puts the next events of the replays back on their buses; what they cause and how far it came is
/// one commit.
Result<bool> Events::State::replay_some() {
    constexpr std::int64_t batch = 100;
    return group.run([&](sql::Connection& connection) -> Result<bool> {
        std::vector<Replay> running;
        {
            const auto rows = TRY(connection.execute(fmt::format(
                "SELECT {} FROM event_replays WHERE state = 'RUNNING'", replay_columns)));
            while (TRY(rows->next())) running.push_back(replay_of(*rows));
        }
        for (const Replay& replay : running) {
            std::set<std::string> only;
            for (const Json& arn : replay.attributes.value("FilterArns", Json::array()))
                if (arn.is_string()) only.insert(arn.get<std::string>());
            std::vector<std::pair<std::int64_t, std::string>> events;
            std::int64_t reached_ms = replay.reached_ms, reached = replay.reached_position;
            {
                const auto rows = TRY(connection.execute(
                    "SELECT position, time_ms, event FROM archived_events WHERE archive = ? AND "
                    "(time_ms, position) > (?, ?) AND time_ms < ? ORDER BY time_ms, position LIMIT "
                    "?",
                    {replay.archive, replay.reached_ms, replay.reached_position, replay.to_ms,
                     batch}));
                while (TRY(rows->next())) {
                    events.emplace_back(rows->integer(0), rows->text(2));
                    reached = rows->integer(0);
                    reached_ms = rows->integer(1);
                }
            }
            for (const auto& [position, text] : events) {
                Json event = TRY(parse_json(text));
                event["replay-name"] = replay.name;
                TRY(route(connection, replay.bus, event, {{}, only.empty() ? nullptr : &only}));
            }
            const bool is_done = static_cast<std::int64_t>(events.size()) < batch;
            TRY(connection.change(
                "UPDATE event_replays SET reached_ms = ?, reached_position = ?, state = ?, "
                "ended_ms = ? WHERE name = ?",
                {reached_ms, reached, std::string(is_done ? "COMPLETED" : "RUNNING"),
                 is_done ? clock.unix_ms() : std::int64_t{0}, replay.name}));
        }
        return !running.empty();
    });
}

}  // namespace stroma::event
