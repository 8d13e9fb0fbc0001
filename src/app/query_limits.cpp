#include "app/query_limits.h"

namespace stroma::app {
namespace {

std::string prefix_of(catalog::Role role) {
    switch (role) {
        case catalog::Role::anonymous: return "query.anonymous_";
        case catalog::Role::user: return "query.";
        case catalog::Role::administrator: return "query.administrator_";
    }
    return "query.";
}

}  // namespace

warehouse::QueryLimits query_limits(const Settings& settings, catalog::Role role) {
    const std::string prefix = prefix_of(role);
    return {.time = settings.duration(prefix + "time"),
            .memory_bytes = settings.bytes(prefix + "memory"),
            .rows_max = static_cast<std::uint64_t>(settings.number(prefix + "rows_max")),
            .bytes_max = settings.bytes(prefix + "bytes_max"),
            .stop = {}};
}

}  // namespace stroma::app
