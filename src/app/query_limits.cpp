#include "app/query_limits.h"

namespace stroma::app {

warehouse::QueryLimits query_limits(const Settings& settings, catalog::Role role) {
    warehouse::QueryLimits limits{
        .time = settings.duration("query.time"),
        .memory_bytes = settings.bytes("query.memory"),
        .rows_max = static_cast<std::uint64_t>(settings.number("query.rows_max")),
        .bytes_max = settings.bytes("query.bytes_max"),
        .alone = role == catalog::Role::anonymous,
        .stop = {}};
    if (role == catalog::Role::anonymous) {
        limits.time = settings.duration("query.anonymous_time");
        limits.memory_bytes = settings.bytes("query.anonymous_memory");
        limits.rows_max = static_cast<std::uint64_t>(settings.number("query.anonymous_rows_max"));
        limits.bytes_max = settings.bytes("query.anonymous_bytes_max");
    }
    if (role == catalog::Role::administrator) {
        limits.time = settings.duration("query.administrator_time");
        limits.memory_bytes = settings.bytes("query.administrator_memory");
        limits.rows_max =
            static_cast<std::uint64_t>(settings.number("query.administrator_rows_max"));
        limits.bytes_max = settings.bytes("query.administrator_bytes_max");
    }
    return limits;
}

}  // namespace stroma::app
