#include "sync/line_plan.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

#include "sync/quantity.h"

namespace stroma::sync {

LinePlan plan_line(const LineDemand& demand) {
    LinePlan plan;
    plan.usable_rate = demand.line_rate * demand.efficiency;
    plan.capacity_a_week = demand.timetable.bytes_a_week(plan.usable_rate) * demand.compression;
    plan.capacity_a_day = plan.capacity_a_week / 7;
    if (plan.capacity_a_week > 0) plan.busy_share = demand.arrival_a_week / plan.capacity_a_week;
    plan.hours_for_a_week = demand.arrival_a_week / demand.compression / plan.usable_rate / 3600;
    const double spare_a_day = (plan.capacity_a_week - demand.arrival_a_week) / 7;
    if (demand.backlog > 0)
        plan.backlog_days = spare_a_day > 0 ? demand.backlog / spare_a_day
                                            : std::numeric_limits<double>::infinity();
    return plan;
}

Result<double> read_arrival(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, double>, 3> periods = {
        {{"/week", 1}, {"/day", 7}, {"/month", 7 / 30.44}}};
    for (const auto& [suffix, factor] : periods)
        if (text.ends_with(suffix))
            return static_cast<double>(
                       TRY(read_bytes(text.substr(0, text.size() - suffix.size())))) *
                   factor;
    return fail(ErrorCode::invalid_input,
                fmt::format("'{}' is not an amount a day, week or month such as 15TB/week", text));
}

}  // namespace stroma::sync
