#include "queue/database/database_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "queue/database/boot.h"
#include "queue/wake.h"
#include "sql/connection_pool.h"
#include "sql/migrations.h"

namespace stroma::queue {

std::span<const sql::Migration> migrations();

namespace {

constexpr Milliseconds poll_interval{100};
constexpr Milliseconds sweep_interval{60'000};
constexpr std::int64_t deduplication_ms = 5 * 60 * 1000;

Error not_held() {
    return {ErrorCode::not_found,
            "the receipt is not current: the message was settled, or its "
            "lease ended and another receiver holds it"};
}

class DatabaseQueue final : public TransactionalQueue {
public:
    DatabaseQueue(sql::Database& database, std::string_view name, const QueueOptions& options,
                  const Clock& clock, IdSource& ids)
        : pool_(database),
          name_(name),
          options_(options),
          clock_(clock),
          ids_(ids),
          channel_(wake_channel(&database, "queue " + name_)) {}

    Result<void> make();

    const sql::Database& database() const override { return pool_.database(); }
    void wake() override { channel_->wake(); }
    Result<std::string> send(std::string_view body, const SendOptions& options) override;
    Result<std::string> send_in(sql::Connection& connection, std::string_view body,
                                const SendOptions& options) override;
    Result<std::vector<Message>> receive(int most, Milliseconds wait,
                                         std::optional<Milliseconds> lease) override;
    Result<void> acknowledge(std::string_view receipt) override;
    Result<void> extend(std::string_view receipt, Milliseconds lease) override;
    Result<void> give_back(std::string_view receipt, Milliseconds delay) override;
    Result<void> bury(std::string_view receipt, std::string_view reason) override;
    Result<std::vector<DeadLetter>> dead_letters(int most) override;
    Result<std::int64_t> redrive() override;
    Result<std::int64_t> purge() override;
    Result<QueueStats> stats() override;
    Result<std::int64_t> end_leases() override;

private:
    using Work = std::function<Result<void>(sql::Connection&)>;
    Result<void> in_transaction(const Work& work);
    Result<std::string> insert(sql::Connection& connection, std::string_view body,
                               const SendOptions& options);
    Result<std::vector<Message>> receive_now(int most, Milliseconds lease);
    Result<std::optional<Message>> lease_or_bury(sql::Connection& connection, Message message,
                                                 Milliseconds lease);
    Result<void> bury_message(sql::Connection& connection, const std::string& id,
                              const std::string& reason);
    /// The group's first message, if any, may be received now.
    Result<void> unblock(sql::Connection& connection, const std::string& group);
    Result<void> sweep();

    sql::ConnectionPool pool_;
    const std::string name_;
    const QueueOptions options_;
    const Clock& clock_;
    IdSource& ids_;
    const std::shared_ptr<WakeChannel> channel_;
    std::atomic<std::int64_t> swept_ms_{0};
};

Result<void> DatabaseQueue::in_transaction(const Work& work) {
    const auto connection = TRY(pool_.take());
    return connection->in_transaction([&] { return work(*connection); });
}

Result<void> DatabaseQueue::make() {
    return in_transaction([&](sql::Connection& connection) -> Result<void> {
        const std::string boot = boot_id();
        const auto rows =
            TRY(connection.execute("SELECT boot FROM queues WHERE name = ?", {name_}));
        if (!TRY(rows->next())) {
            TRY(connection.change("INSERT INTO queues(name, next_position, boot) VALUES(?, 0, ?)",
                                  {name_, boot}));
            return {};
        }
        if (rows->text(0) == boot) return {};
        const std::int64_t steady = clock_.steady_ms(), unix = clock_.unix_ms();
        TRY(connection.change(
            "UPDATE queue_messages SET receipt = '', due_ms = CASE "
            "WHEN receipt <> '' OR due_unix_ms <= ? THEN ? ELSE ? + due_unix_ms - ? END "
            "WHERE queue = ?",
            {unix, steady, steady, unix, name_}));
        TRY(
            connection.change("UPDATE queue_deduplication SET until_ms = ? + until_unix_ms - ? "
                              "WHERE queue = ?",
                              {steady, unix, name_}));
        TRY(connection.change("UPDATE queues SET boot = ? WHERE name = ?", {boot, name_}));
        return {};
    });
}

Result<std::string> DatabaseQueue::send(std::string_view body, const SendOptions& options) {
    std::string id;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        id = TRY(send_in(connection, body, options));
        return {};
    };
    TRY(in_transaction(work));
    wake();
    return id;
}

Result<std::string> DatabaseQueue::send_in(sql::Connection& connection, std::string_view body,
                                           const SendOptions& options) {
    if (body.size() > options_.body_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("the message has {} bytes; the limit of queue '{}' is {}",
                                body.size(), name_, options_.body_bytes_max));
    if (options.deduplication_id.empty()) return insert(connection, body, options);
    const std::int64_t steady = clock_.steady_ms();
    const auto rows =
        TRY(connection.execute("SELECT message_id FROM queue_deduplication "
                               "WHERE queue = ? AND deduplication_id = ? AND until_ms > ?",
                               {name_, options.deduplication_id, steady}));
    if (TRY(rows->next())) return rows->text(0);
    const std::string id = TRY(insert(connection, body, options));
    TRY(connection.change(
        "DELETE FROM queue_deduplication WHERE queue = ? AND deduplication_id = ?",
        {name_, options.deduplication_id}));
    TRY(connection.change("INSERT INTO queue_deduplication VALUES(?, ?, ?, ?, ?)",
                          {name_, options.deduplication_id, id, steady + deduplication_ms,
                           clock_.unix_ms() + deduplication_ms}));
    return id;
}

Result<std::string> DatabaseQueue::insert(sql::Connection& connection, std::string_view body,
                                          const SendOptions& options) {
    const auto counted =
        TRY(connection.execute("UPDATE queues SET next_position = next_position + 1 WHERE name = ? "
                               "RETURNING next_position",
                               {name_}));
    if (!TRY(counted->next()))
        return fail(ErrorCode::not_found, fmt::format("queue '{}' was removed", name_));
    std::int64_t blocked = 0;
    if (!options.group.empty()) {
        const auto rows = TRY(
            connection.execute("SELECT 1 FROM queue_messages WHERE queue = ? AND message_group = ? "
                               "AND message_group <> '' LIMIT 1",
                               {name_, options.group}));
        blocked = TRY(rows->next()) ? 1 : 0;
    }
    const std::string id = ids_.uuid();
    const std::int64_t unix = clock_.unix_ms();
    TRY(connection.change(
        "INSERT INTO queue_messages VALUES(?, ?, ?, ?, ?, ?, ?, ?, '', 0, ?)",
        {id, name_, counted->integer(0), std::string(body), options.group, blocked,
         clock_.steady_ms() + options.delay.count(), unix + options.delay.count(), unix}));
    return id;
}

Result<std::vector<Message>> DatabaseQueue::receive(int most, Milliseconds wait,
                                                    std::optional<Milliseconds> lease) {
    using std::chrono::steady_clock;
    TRY(sweep());
    const auto deadline = steady_clock::now() + wait;
    for (;;) {
        const std::uint64_t generation = channel_->generation();
        auto messages = TRY(receive_now(most, lease.value_or(options_.lease)));
        const auto left = std::chrono::ceil<Milliseconds>(deadline - steady_clock::now());
        if (!messages.empty() || left <= Milliseconds{0}) return messages;
        channel_->wait_past(generation, std::min(left, poll_interval));
    }
}

Result<std::vector<Message>> DatabaseQueue::receive_now(int most, Milliseconds lease) {
    const auto connection = TRY(pool_.take());
    const std::int64_t now = clock_.steady_ms();
    {
        const auto due = TRY(connection->execute(
            "SELECT 1 FROM queue_messages WHERE queue = ? AND blocked = 0 AND due_ms <= ? LIMIT 1",
            {name_, now}));
        if (!TRY(due->next())) return std::vector<Message>{};
    }
    std::vector<Message> leased;
    const auto work = [&]() -> Result<void> {
        std::vector<Message> due;
        const auto rows = TRY(connection->execute(
            "SELECT id, body, delivery_count, sent_ms, message_group FROM queue_messages "
            "WHERE queue = ? AND blocked = 0 AND due_ms <= ? ORDER BY due_ms, position LIMIT ?",
            {name_, now, std::int64_t{most}}));
        while (TRY(rows->next()))
            due.push_back({.id = rows->text(0),
                           .receipt = "",
                           .body = rows->text(1),
                           .delivery_count = static_cast<int>(rows->integer(2)),
                           .sent_ms = rows->integer(3),
                           .group = rows->text(4)});
        for (Message& message : due)
            if (auto held = TRY(lease_or_bury(*connection, std::move(message), lease)))
                leased.push_back(*std::move(held));
        return {};
    };
    TRY(connection->in_transaction(work));
    return leased;
}

Result<std::optional<Message>> DatabaseQueue::lease_or_bury(sql::Connection& connection,
                                                            Message message, Milliseconds lease) {
    if (message.delivery_count >= options_.deliveries_max) {
        TRY(bury_message(
            connection, message.id,
            fmt::format("not acknowledged after {} deliveries", message.delivery_count)));
        TRY(unblock(connection, message.group));
        return std::nullopt;
    }
    message.receipt = ids_.uuid();
    ++message.delivery_count;
    TRY(connection.change(
        "UPDATE queue_messages SET receipt = ?, delivery_count = ?, due_ms = ?, "
        "due_unix_ms = ? WHERE id = ?",
        {message.receipt, std::int64_t{message.delivery_count}, clock_.steady_ms() + lease.count(),
         clock_.unix_ms() + lease.count(), message.id}));
    return message;
}

Result<void> DatabaseQueue::bury_message(sql::Connection& connection, const std::string& id,
                                         const std::string& reason) {
    TRY(connection.change(
        "INSERT INTO queue_dead_letters SELECT id, queue, position, body, message_group, ?, "
        "delivery_count, ? FROM queue_messages WHERE id = ?",
        {reason, clock_.unix_ms(), id}));
    TRY(connection.change("DELETE FROM queue_messages WHERE id = ?", {id}));
    return {};
}

Result<void> DatabaseQueue::unblock(sql::Connection& connection, const std::string& group) {
    if (group.empty()) return {};
    TRY(connection.change(
        "UPDATE queue_messages SET blocked = 0 WHERE queue = ? AND message_group = ? "
        "AND message_group <> '' AND position = (SELECT min(position) FROM queue_messages "
        "WHERE queue = ? AND message_group = ? AND message_group <> '')",
        {name_, group, name_, group}));
    return {};
}

Result<void> DatabaseQueue::acknowledge(std::string_view receipt) {
    std::string group;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto rows = TRY(connection.execute(
            "DELETE FROM queue_messages WHERE receipt = ? AND receipt <> '' AND queue = ? "
            "RETURNING message_group",
            {std::string(receipt), name_}));
        if (!TRY(rows->next())) return fail(not_held());
        group = rows->text(0);
        return unblock(connection, group);
    };
    TRY(in_transaction(work));
    if (!group.empty()) wake();
    return {};
}

Result<void> DatabaseQueue::extend(std::string_view receipt, Milliseconds lease) {
    const auto connection = TRY(pool_.take());
    const std::int64_t changed =
        TRY(connection->change("UPDATE queue_messages SET due_ms = ?, due_unix_ms = ? "
                               "WHERE receipt = ? AND receipt <> '' AND queue = ?",
                               {clock_.steady_ms() + lease.count(),
                                clock_.unix_ms() + lease.count(), std::string(receipt), name_}));
    if (changed == 0) return fail(not_held());
    return {};
}

Result<void> DatabaseQueue::give_back(std::string_view receipt, Milliseconds delay) {
    const auto connection = TRY(pool_.take());
    const std::int64_t changed = TRY(
        connection->change("UPDATE queue_messages SET receipt = '', due_ms = ?, due_unix_ms = ? "
                           "WHERE receipt = ? AND receipt <> '' AND queue = ?",
                           {clock_.steady_ms() + delay.count(), clock_.unix_ms() + delay.count(),
                            std::string(receipt), name_}));
    if (changed == 0) return fail(not_held());
    wake();
    return {};
}

Result<void> DatabaseQueue::bury(std::string_view receipt, std::string_view reason) {
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto rows =
            TRY(connection.execute("SELECT id, message_group FROM queue_messages "
                                   "WHERE receipt = ? AND receipt <> '' AND queue = ?",
                                   {std::string(receipt), name_}));
        if (!TRY(rows->next())) return fail(not_held());
        const std::string id = rows->text(0), group = rows->text(1);
        TRY(bury_message(connection, id, std::string(reason)));
        return unblock(connection, group);
    };
    TRY(in_transaction(work));
    wake();
    return {};
}

Result<std::vector<DeadLetter>> DatabaseQueue::dead_letters(int most) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT id, body, reason, delivery_count, died_ms FROM queue_dead_letters "
        "WHERE queue = ? ORDER BY died_ms, position LIMIT ?",
        {name_, std::int64_t{most}}));
    std::vector<DeadLetter> letters;
    while (TRY(rows->next()))
        letters.push_back({.id = rows->text(0),
                           .body = rows->text(1),
                           .reason = rows->text(2),
                           .delivery_count = static_cast<int>(rows->integer(3)),
                           .died_ms = rows->integer(4)});
    return letters;
}

Result<std::int64_t> DatabaseQueue::redrive() {
    std::int64_t sent = 0;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        std::vector<std::pair<std::string, std::string>> letters;
        const auto rows = TRY(
            connection.execute("SELECT body, message_group FROM queue_dead_letters WHERE queue = ? "
                               "ORDER BY died_ms, position",
                               {name_}));
        while (TRY(rows->next())) letters.emplace_back(rows->text(0), rows->text(1));
        for (const auto& [body, group] : letters) {
            SendOptions options;
            options.group = group;
            TRY(insert(connection, body, options));
        }
        sent = TRY(connection.change("DELETE FROM queue_dead_letters WHERE queue = ?", {name_}));
        return {};
    };
    TRY(in_transaction(work));
    wake();
    return sent;
}

Result<std::int64_t> DatabaseQueue::purge() {
    const auto connection = TRY(pool_.take());
    return connection->change("DELETE FROM queue_messages WHERE queue = ?", {name_});
}

Result<QueueStats> DatabaseQueue::stats() {
    TRY(sweep());
    const auto connection = TRY(pool_.take());
    const std::int64_t now = clock_.steady_ms();
    QueueStats stats;
    {
        const auto rows = TRY(connection->execute(
            "SELECT count(*), sum(CASE WHEN due_ms <= ? THEN 1 ELSE 0 END), "
            "sum(CASE WHEN due_ms > ? AND receipt <> '' THEN 1 ELSE 0 END), min(sent_ms) "
            "FROM queue_messages WHERE queue = ?",
            {now, now, name_}));
        TRY(rows->next());
        stats.ready = rows->integer(1);
        stats.leased = rows->integer(2);
        stats.delayed = rows->integer(0) - stats.ready - stats.leased;
        if (!rows->is_null(3))
            stats.oldest_age_ms = std::max<std::int64_t>(0, clock_.unix_ms() - rows->integer(3));
    }
    const auto rows = TRY(
        connection->execute("SELECT count(*) FROM queue_dead_letters WHERE queue = ?", {name_}));
    TRY(rows->next());
    stats.dead = rows->integer(0);
    return stats;
}

Result<std::int64_t> DatabaseQueue::end_leases() {
    const auto connection = TRY(pool_.take());
    const std::int64_t ended = TRY(
        connection->change("UPDATE queue_messages SET receipt = '', due_ms = ?, due_unix_ms = ? "
                           "WHERE queue = ? AND receipt <> ''",
                           {clock_.steady_ms(), clock_.unix_ms(), name_}));
    wake();
    return ended;
}

Result<void> DatabaseQueue::sweep() {
    const std::int64_t now = clock_.steady_ms();
    std::int64_t swept = swept_ms_;
    if (swept != 0 && now - swept < sweep_interval.count()) return {};
    if (!swept_ms_.compare_exchange_strong(swept, now)) return {};
    return in_transaction([&](sql::Connection& connection) -> Result<void> {
        const std::int64_t oldest = clock_.unix_ms() - options_.retention.count();
        TRY(connection.change("DELETE FROM queue_deduplication WHERE queue = ? AND until_ms <= ?",
                              {name_, now}));
        TRY(connection.change("DELETE FROM queue_dead_letters WHERE queue = ? AND died_ms < ?",
                              {name_, oldest}));
        const std::int64_t gone = TRY(connection.change(
            "DELETE FROM queue_messages WHERE queue = ? AND sent_ms < ?", {name_, oldest}));
        if (gone == 0) return {};
        TRY(connection.change(
            "UPDATE queue_messages SET blocked = 0 WHERE queue = ? AND blocked = 1 AND position IN "
            "(SELECT min(position) FROM queue_messages WHERE queue = ? AND message_group <> '' "
            "GROUP BY message_group)",
            {name_, name_}));
        return {};
    });
}

}  // namespace

Result<std::unique_ptr<TransactionalQueue>> open_queue(sql::Database& database,
                                                       std::string_view name,
                                                       const QueueOptions& options,
                                                       const Clock& clock, IdSource& ids) {
    TRY(sql::migrate(database, "queue", migrations()));
    auto queue = std::make_unique<DatabaseQueue>(database, name, options, clock, ids);
    TRY(queue->make());
    return queue;
}

Result<std::vector<std::string>> queue_names(sql::Database& database) {
    TRY(sql::migrate(database, "queue", migrations()));
    const auto connection = TRY(database.connect());
    const auto rows = TRY(connection->execute("SELECT name FROM queues ORDER BY name"));
    std::vector<std::string> names;
    while (TRY(rows->next())) names.push_back(rows->text(0));
    return names;
}

Result<bool> remove_queue(sql::Database& database, std::string_view name) {
    TRY(sql::migrate(database, "queue", migrations()));
    const auto connection = TRY(database.connect());
    bool found = false;
    const auto work = [&]() -> Result<void> {
        const std::string queue(name);
        TRY(connection->change("DELETE FROM queue_messages WHERE queue = ?", {queue}));
        TRY(connection->change("DELETE FROM queue_dead_letters WHERE queue = ?", {queue}));
        TRY(connection->change("DELETE FROM queue_deduplication WHERE queue = ?", {queue}));
        found = TRY(connection->change("DELETE FROM queues WHERE name = ?", {queue})) > 0;
        return {};
    };
    TRY(connection->in_transaction(work));
    return found;
}

}  // namespace stroma::queue
