#include "message/queues.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/json.h"
#include "message/queue_attributes.h"
#include "message/queues_state.h"
#include "sql/migrations.h"

namespace stroma::message {

std::span<const sql::Migration> migrations();

namespace {

std::string text_of_map(const TextMap& map) {
    Json json = Json::object();
    for (const auto& [name, value] : map) json[name] = value;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<TextMap> map_of_text(std::string_view text) {
    const Json json = TRY(parse_json(text));
    TextMap map;
    for (const auto& [name, value] : json.items())
        if (value.is_string()) map[name] = value.get<std::string>();
    return map;
}

Error no_queue(std::string_view name) {
    return {ErrorCode::not_found, fmt::format("there is no queue '{}'", name)};
}

/// The dead letters' queue must be there and be of the same kind.
Result<void> check_target(const Queues::State& state, const TextMap& given, bool is_ordered) {
    const auto policy = given.find("RedrivePolicy");
    if (policy == given.end() || policy->second.empty()) return {};
    const auto refuse = [&](std::string_view reason) {
        return fail(ErrorCode::invalid_input,
                    fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: {}",
                                policy->second, reason));
    };
    const Json json = TRY(parse_json(policy->second));
    const std::string name =
        queue_of_arn(json["deadLetterTargetArn"].get<std::string>(), state.account);
    const QueuePointer target = state.find(name);
    if (!target) return refuse("Dead letter target does not exist.");
    if (target->behaviour.is_ordered != is_ordered)
        return refuse("Dead-letter queue must be same type of queue as the source.");
    return {};
}

constexpr std::int64_t purge_interval_ms = 60'000;

}  // namespace

Queues::State::State(sql::WriteGroup& writes, const Clock& time, IdSource& id_source,
                     std::string of_account)
    : group(writes),
      clock(time),
      ids(id_source),
      account(std::move(of_account)),
      readers(writes.database()),
      calendar_ms(time.unix_ms() - time.steady_ms()) {}

void Queues::State::put(const QueuePointer& queue) {
    const std::lock_guard lock(mutex);
    queues[queue->name] = queue;
}

QueuePointer Queues::State::find(std::string_view name) const {
    const std::shared_lock lock(mutex);
    const auto found = queues.find(name);
    return found == queues.end() ? nullptr : found->second;
}

Result<void> Queues::State::load() {
    const auto connection = TRY(readers.take());
    const auto rows =
        TRY(connection->execute("SELECT number, name, region, owner, attributes, tags, created_ms, "
                                "modified_ms FROM message_queues"));
    while (TRY(rows->next())) {
        Queue queue;
        queue.number = rows->integer(0);
        queue.name = rows->text(1);
        queue.region = rows->text(2);
        queue.owner = rows->text(3);
        queue.given = TRY(map_of_text(rows->text(4)));
        queue.tags = TRY(map_of_text(rows->text(5)));
        queue.created_ms = rows->integer(6);
        queue.modified_ms = rows->integer(7);
        queue.arn = fmt::format("arn:aws:sqs:{}:{}:{}", queue.region, account, queue.name);
        queue.attributes = with_defaults(queue.given);
        queue.behaviour = behaviour_of(queue.attributes);
        queue.runtime = std::make_shared<QueueRuntime>();
        put(std::make_shared<const Queue>(std::move(queue)));
    }
    const auto last =
        TRY(connection->execute("SELECT coalesce(max(position), 0) FROM (SELECT max(position) AS "
                                "position FROM messages UNION ALL SELECT max(position) FROM "
                                "message_deduplication)"));
    TRY(last->next());
    // A position is never given twice, also where the messages that had it are gone.
    next_position = std::max(last->integer(0) + 1, now() * 1000);
    next_delivery = now() * 1000;
    return {};
}

Result<void> Queues::State::replace(Queue queue) {
    queue.modified_ms = clock.unix_ms();
    queue.attributes = with_defaults(queue.given);
    queue.behaviour = behaviour_of(queue.attributes);
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change(
            "UPDATE message_queues SET attributes = ?, tags = ?, modified_ms = ? WHERE number = ?",
            {text_of_map(queue.given), text_of_map(queue.tags), queue.modified_ms, queue.number}));
        return {};
    };
    TRY(group.run(work));
    put(std::make_shared<const Queue>(std::move(queue)));
    return {};
}

Queues::Queues(std::unique_ptr<State> state) : state_(std::move(state)) {}

Queues::~Queues() { stop(); }

void Queues::stop() {
    state_->stopping.request_stop();
    {
        const std::lock_guard lock(state_->mover_mutex);
        state_->mover_wakes.notify_all();
    }
    if (state_->mover.joinable()) state_->mover.join();
    for (const QueuePointer& queue : list()) queue->runtime->channel.wake();
}

Result<std::unique_ptr<Queues>> Queues::open(sql::WriteGroup& group, const Clock& clock,
                                             IdSource& ids, std::string account) {
    TRY(sql::migrate(group.database(), "message", migrations()));
    auto state = std::make_unique<State>(group, clock, ids, std::move(account));
    TRY(state->load());
    state->start_mover();
    return std::unique_ptr<Queues>(new Queues(std::move(state)));
}

Result<QueuePointer> Queues::create(const NewQueue& wanted) {
    const auto kind = wanted.attributes.find("FifoQueue");
    const bool is_ordered =
        kind != wanted.attributes.end() && (kind->second == "true" || kind->second == "True");
    if (kind != wanted.attributes.end() && !is_ordered)
        return fail(ErrorCode::unsupported, "Unknown Attribute FifoQueue.");
    TRY(check_queue_name(wanted.name, is_ordered));
    const TextMap given = TRY(changed_attributes(wanted.name, {}, wanted.attributes));
    const std::lock_guard lock(state_->changing);
    if (QueuePointer known = find(wanted.name)) {
        for (const auto& [name, value] : given) {
            const auto has = known->attributes.find(name);
            if (has == known->attributes.end() || has->second != value)
                return fail(ErrorCode::already_exists,
                            fmt::format("A queue already exists with the same name and a different "
                                        "value for attribute {}",
                                        name));
        }
        return known;
    }
    TRY(check_target(*state_, given, is_ordered));
    Queue queue;
    queue.name = wanted.name;
    queue.region = wanted.region;
    queue.owner = wanted.owner;
    queue.arn = arn_of(queue.region, queue.name);
    queue.given = given;
    queue.attributes = with_defaults(given);
    queue.behaviour = behaviour_of(queue.attributes);
    queue.tags = wanted.tags;
    queue.created_ms = queue.modified_ms = state_->clock.unix_ms();
    queue.runtime = std::make_shared<QueueRuntime>();
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto rows = TRY(connection.execute(
            "INSERT INTO message_queues(name, region, owner, attributes, tags, created_ms, "
            "modified_ms) VALUES(?, ?, ?, ?, ?, ?, ?) RETURNING number",
            {queue.name, queue.region, queue.owner, text_of_map(queue.given),
             text_of_map(queue.tags), queue.created_ms, queue.modified_ms}));
        TRY(rows->next());
        queue.number = rows->integer(0);
        return {};
    };
    TRY(state_->group.run(work));
    QueuePointer made = std::make_shared<const Queue>(std::move(queue));
    state_->put(made);
    return made;
}

QueuePointer Queues::find(std::string_view name) const { return state_->find(name); }

QueuePointer Queues::find_arn(std::string_view arn) const {
    return find(queue_of_arn(arn, state_->account));
}

std::string Queues::arn_of(std::string_view region, std::string_view name) const {
    return fmt::format("arn:aws:sqs:{}:{}:{}", region, state_->account, name);
}

std::vector<QueuePointer> Queues::list(std::string_view prefix) const {
    const std::shared_lock lock(state_->mutex);
    std::vector<QueuePointer> found;
    for (auto at = state_->queues.lower_bound(prefix);
         at != state_->queues.end() && at->first.starts_with(prefix); ++at)
        found.push_back(at->second);
    return found;
}

std::vector<std::string> Queues::dead_letter_sources(std::string_view name) const {
    std::vector<std::string> sources;
    for (const QueuePointer& queue : list())
        if (queue->behaviour.redrive && queue->behaviour.redrive->queue == name)
            sources.push_back(queue->name);
    return sources;
}

Result<void> Queues::set_attributes(std::string_view name, const TextMap& attributes) {
    const std::lock_guard lock(state_->changing);
    const QueuePointer queue = find(name);
    if (!queue) return fail(no_queue(name));
    Queue changed = *queue;
    changed.given = TRY(changed_attributes(name, queue->given, attributes));
    TRY(check_target(*state_, attributes, queue->behaviour.is_ordered));
    return state_->replace(std::move(changed));
}

Result<void> Queues::tag(std::string_view name, const TextMap& tags) {
    const std::lock_guard lock(state_->changing);
    const QueuePointer queue = find(name);
    if (!queue) return fail(no_queue(name));
    Queue changed = *queue;
    for (const auto& [key, value] : tags) changed.tags[key] = value;
    return state_->replace(std::move(changed));
}

Result<void> Queues::untag(std::string_view name, const std::vector<std::string>& keys) {
    const std::lock_guard lock(state_->changing);
    const QueuePointer queue = find(name);
    if (!queue) return fail(no_queue(name));
    Queue changed = *queue;
    for (const std::string& key : keys) changed.tags.erase(key);
    return state_->replace(std::move(changed));
}

Result<void> Queues::remove(std::string_view name) {
    const std::lock_guard lock(state_->changing);
    const QueuePointer queue = find(name);
    if (!queue) return fail(no_queue(name));
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM messages WHERE queue = ?", {queue->number}));
        TRY(connection.change("DELETE FROM message_deduplication WHERE queue = ?",
                              {queue->number}));
        TRY(connection.change("DELETE FROM message_queues WHERE number = ?", {queue->number}));
        return {};
    };
    TRY(state_->group.run(work));
    {
        const std::lock_guard unique(state_->mutex);
        state_->queues.erase(queue->name);
    }
    queue->runtime->channel.wake();
    return {};
}

Result<void> Queues::purge(std::string_view name) {
    const QueuePointer queue = find(name);
    if (!queue) return fail(no_queue(name));
    const std::int64_t now = state_->now();
    std::int64_t before = queue->runtime->purged_ms;
    if ((before != 0 && now - before < purge_interval_ms) ||
        !queue->runtime->purged_ms.compare_exchange_strong(before, now))
        return fail(
            ErrorCode::conflict,
            fmt::format("Only one PurgeQueue operation on {} is allowed every 60 seconds.", name));
    return state_->group.run([&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM messages WHERE queue = ?", {queue->number}));
        // What was purged may be sent again at once.
        TRY(connection.change("DELETE FROM message_deduplication WHERE queue = ?",
                              {queue->number}));
        return {};
    });
}

QueueTraffic Queues::traffic(const Queue& queue) {
    const QueueRuntime& runtime = *queue.runtime;
    return {runtime.sent, runtime.received, runtime.dead_lettered};
}

Result<QueueCounts> Queues::counts(const Queue& queue) {
    TRY(state_->sweep(queue));
    const auto connection = TRY(state_->readers.take());
    const std::int64_t now = state_->now();
    QueueCounts counts;
    const auto due = TRY(
        connection->execute("SELECT count(*) FROM messages WHERE queue = ? AND blocked IN (0, 1) "
                            "AND visible_ms <= ?",
                            {queue.number, now}));
    TRY(due->next());
    counts.visible = due->integer(0);
    const auto hidden = TRY(
        connection->execute("SELECT count(*), coalesce(sum(CASE WHEN receipt <> 0 THEN 1 ELSE 0 "
                            "END), 0) FROM messages WHERE queue = ? AND blocked IN (0, 1) AND "
                            "visible_ms > ?",
                            {queue.number, now}));
    TRY(hidden->next());
    counts.in_flight = hidden->integer(1);
    counts.delayed = hidden->integer(0) - counts.in_flight;
    const auto oldest = TRY(
        connection->execute("SELECT min(sent_ms) FROM messages WHERE queue = ?", {queue.number}));
    TRY(oldest->next());
    if (!oldest->is_null(0))
        counts.oldest_age_ms = std::max<std::int64_t>(0, now - oldest->integer(0));
    return counts;
}

}  // namespace stroma::message
