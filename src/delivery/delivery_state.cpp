#include "delivery/delivery_state.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "base/json.h"

namespace stroma::delivery {
namespace {

Json positions_json(const Positions& positions) {
    Json json = Json::array();
    for (const auto& [shard, number] : positions) json.push_back({shard, number});
    return json;
}

Positions parse_positions(const Json& value) {
    Positions positions;
    for (const Json& each : value)
        positions[each.at(0).get<std::uint32_t>()] = each.at(1).get<std::uint64_t>();
    return positions;
}

Json by_name_json(const std::map<std::string, Positions>& all) {
    Json json = Json::array();
    for (const auto& [name, positions] : all) json.push_back({name, positions_json(positions)});
    return json;
}

std::map<std::string, Positions> parse_by_name(const Json& value) {
    std::map<std::string, Positions> all;
    for (const Json& each : value) all[each.at(0).get<std::string>()] = parse_positions(each.at(1));
    return all;
}

Json forced_json(const std::map<std::string, ForcedItem>& forced) {
    Json json = Json::array();
    for (const auto& [id, item] : forced) json.push_back({id, item.code, item.shard, item.number});
    return json;
}

std::map<std::string, ForcedItem> parse_forced(const Json& value) {
    std::map<std::string, ForcedItem> forced;
    for (const Json& each : value)
        forced[each.at(0).get<std::string>()] = {each.at(1).get<std::string>(),
                                                 each.at(2).get<std::uint32_t>(),
                                                 each.at(3).get<std::uint64_t>()};
    return forced;
}

Json buffers_json(const OpenBuffers& buffers) {
    return {{"version", buffers.version},
            {"config", buffers.config},
            {"scanned", positions_json(buffers.scanned)},
            {"from", by_name_json(buffers.from)},
            {"forced", forced_json(buffers.forced)}};
}

OpenBuffers parse_buffers(const Json& value) {
    return {.version = value.at("version").get<int>(),
            .config = value.at("config").get<std::string>(),
            .scanned = parse_positions(value.at("scanned")),
            .from = parse_by_name(value.at("from")),
            .forced = parse_forced(value.at("forced"))};
}

Json plan_json(const Plan& plan) {
    Json ranges = Json::array();
    for (const Range& range : plan.ranges) ranges.push_back({range.shard, range.from, range.to});
    return {{"ranges", std::move(ranges)},
            {"planned_ms", plan.planned_ms},
            {"version", plan.version},
            {"config", plan.config},
            {"buffers", by_name_json(plan.buffers)},
            {"open", plan.open ? buffers_json(*plan.open) : Json(nullptr)},
            {"given_up", plan.given_up}};
}

Plan parse_plan(const Json& value) {
    Plan plan;
    for (const Json& range : value.at("ranges"))
        plan.ranges.push_back({range.at(0).get<std::uint32_t>(), range.at(1).get<std::uint64_t>(),
                               range.at(2).get<std::uint64_t>()});
    plan.planned_ms = value.at("planned_ms").get<std::int64_t>();
    plan.version = value.at("version").get<int>();
    plan.config = value.at("config").get<std::string>();
    if (value.contains("buffers")) plan.buffers = parse_by_name(value.at("buffers"));
    if (value.contains("open") && !value.at("open").is_null())
        plan.open = parse_buffers(value.at("open"));
    plan.given_up = value.value("given_up", std::string());
    return plan;
}

/// Every text of a destination in a state.
std::vector<std::string*> configs_of(DeliveryState& state) {
    std::vector<std::string*> configs{&state.config};
    if (state.buffers) configs.push_back(&state.buffers->config);
    if (state.plan) configs.push_back(&state.plan->config);
    if (state.plan && state.plan->open) configs.push_back(&state.plan->open->config);
    return configs;
}

}  // namespace

std::string Plan::text() const {
    std::string text;
    for (const Range& range : ranges)
        text +=
            fmt::format("{}{}:{}-{}", text.empty() ? "" : ",", range.shard, range.from, range.to);
    if (buffers.empty()) return text;
    // Buffers of one stretch may be delivered one after the other.
    std::string names;
    for (const auto& [name, from] : buffers) names += name + "\n";
    return text + "#" + md5_hex(names);
}

std::string state_json(const DeliveryState& state) {
    Json tags = Json::object();
    for (const auto& [key, value] : state.tags) tags[key] = value;
    return Json{{"name", state.name},
                {"id", state.id},
                {"owner", state.owner},
                {"created_ms", state.created_ms},
                {"updated_ms", state.updated_ms},
                {"version", state.version},
                {"source", state.source},
                {"source_arn", state.source_arn},
                {"source_role", state.source_role},
                {"config", state.config},
                {"tags", std::move(tags)},
                {"cursors", positions_json(state.cursors)},
                {"buffers", state.buffers ? buffers_json(*state.buffers) : Json(nullptr)},
                {"plan", state.plan ? plan_json(*state.plan) : Json(nullptr)}}
        .dump();
}

Result<DeliveryState> parse_state(std::string_view json) {
    const Json read = TRY(parse_json(json));
    DeliveryState state;
    try {
        state.name = read.at("name").get<std::string>();
        state.id = read.at("id").get<std::string>();
        state.owner = read.at("owner").get<std::string>();
        state.created_ms = read.at("created_ms").get<std::int64_t>();
        state.updated_ms = read.at("updated_ms").get<std::int64_t>();
        state.version = read.at("version").get<int>();
        state.source = read.at("source").get<std::string>();
        state.source_arn = read.at("source_arn").get<std::string>();
        state.source_role = read.at("source_role").get<std::string>();
        state.config = read.at("config").get<std::string>();
        for (const auto& [key, value] : read.at("tags").items())
            state.tags[key] = value.get<std::string>();
        state.cursors = parse_positions(read.at("cursors"));
        if (read.contains("buffers") && !read.at("buffers").is_null())
            state.buffers = parse_buffers(read.at("buffers"));
        if (!read.at("plan").is_null()) state.plan = parse_plan(read.at("plan"));
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorCode::corrupt, error.what());
    }
    return state;
}

Result<std::string> to_state_file(DeliveryState state, TextSealer* sealer) {
    for (std::string* config : configs_of(state)) *config = TRY(to_kept_text(sealer, *config));
    return state_json(state);
}

Result<DeliveryState> from_state_file(std::string_view text, TextSealer* sealer) {
    DeliveryState state = TRY(parse_state(text));
    for (std::string* config : configs_of(state)) *config = TRY(from_kept_text(sealer, *config));
    return state;
}

}  // namespace stroma::delivery
