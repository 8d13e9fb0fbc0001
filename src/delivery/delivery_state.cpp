#include "delivery/delivery_state.h"

#include <fmt/format.h>

#include "base/json.h"

namespace stroma::delivery {
namespace {

Json plan_json(const Plan& plan) {
    Json ranges = Json::array();
    for (const Range& range : plan.ranges) ranges.push_back({range.shard, range.from, range.to});
    return {{"ranges", std::move(ranges)},
            {"planned_ms", plan.planned_ms},
            {"version", plan.version},
            {"config", plan.config}};
}

Plan parse_plan(const Json& value) {
    Plan plan;
    for (const Json& range : value.at("ranges"))
        plan.ranges.push_back({range.at(0).get<std::uint32_t>(), range.at(1).get<std::uint64_t>(),
                               range.at(2).get<std::uint64_t>()});
    plan.planned_ms = value.at("planned_ms").get<std::int64_t>();
    plan.version = value.at("version").get<int>();
    plan.config = value.at("config").get<std::string>();
    return plan;
}

}  // namespace

std::string Plan::text() const {
    std::string text;
    for (const Range& range : ranges)
        text +=
            fmt::format("{}{}:{}-{}", text.empty() ? "" : ",", range.shard, range.from, range.to);
    return text;
}

std::string state_json(const DeliveryState& state) {
    Json cursors = Json::array(), tags = Json::object();
    for (const auto& [shard, from] : state.cursors) cursors.push_back({shard, from});
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
                {"cursors", std::move(cursors)},
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
        for (const Json& cursor : read.at("cursors"))
            state.cursors[cursor.at(0).get<std::uint32_t>()] = cursor.at(1).get<std::uint64_t>();
        if (!read.at("plan").is_null()) state.plan = parse_plan(read.at("plan"));
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorCode::corrupt, error.what());
    }
    return state;
}

}  // namespace stroma::delivery
