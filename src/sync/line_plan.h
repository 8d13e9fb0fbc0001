#pragma once

#include <cstdint>
#include <string_view>

#include "sync/bandwidth.h"

namespace stroma::sync {

/// What a laboratory makes, and the line it has.
struct LineDemand {
    double arrival_a_week = 0;  ///< bytes
    double line_rate = 0;       ///< bytes a second, as the line is sold
    double efficiency = 0.89;   ///< what remains after Ethernet, IP, TCP, TLS and HTTP
    double compression = 1;     ///< bytes made for each byte sent
    double backlog = 0;         ///< bytes that wait already
    Timetable timetable;
};

/// Whether the line is enough.
struct LinePlan {
    double usable_rate = 0;     ///< bytes a second
    double capacity_a_day = 0;  ///< bytes as they are made (before compression), a mean day
    double capacity_a_week = 0;
    double busy_share = 0;        ///< of the capacity; over 1 the backlog grows for ever
    double hours_for_a_week = 0;  ///< of sending at the full usable rate
    double backlog_days = 0;      ///< until the backlog is gone; infinite when never
};

LinePlan plan_line(const LineDemand& demand);

/// "15TB/week", "9 TB/day", "60TB/month" (of 30.44 days): bytes a week. errors  invalid_input
Result<double> read_arrival(std::string_view text);

}  // namespace stroma::sync
