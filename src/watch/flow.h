#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stroma::watch {

enum class FlowKind { stream, delivery, queue, rule, stage };
constexpr std::array<FlowKind, 5> flow_kinds = {FlowKind::stream, FlowKind::delivery,
                                                FlowKind::queue, FlowKind::rule, FlowKind::stage};
std::string_view name_of(FlowKind kind);

/// Where something through which records pass stands.
struct Stand {
    FlowKind kind = FlowKind::stream;
    std::string name;  ///< of a rule "bus/rule", of a pipeline's stage "pipeline/stage"
    std::string owner, arn;
    // Since the process started:
    std::uint64_t in = 0, out = 0;  ///< records, messages, events
    std::uint64_t bytes_in = 0;     ///< 0 where it isn't known
    std::uint64_t errors = 0;
    // Now:
    std::optional<std::int64_t> waiting;  ///< nothing when it isn't known
    std::int64_t age_ms = 0;              ///< of the oldest that waits; 0 when none does
    std::string note;                     ///< what people should know: the last error, a hot key
    bool has_hot_key = false;
};

/// The same with what became of it lately.
struct Flow {
    Stand stand;
    double in_rate = 0, out_rate = 0, bytes_rate = 0;  ///< a second, over the last ten
    std::uint64_t errors_lately = 0;                   ///< in the last minute
    bool is_alarmed = false;                           ///< some threshold is passed
};

/// What a threshold is put on.
enum class Measure { age, waiting, errors, hot_key };
std::string_view name_of(Measure measure);

/// From when on it is too much; 0 is never. Ages in milliseconds, errors in a minute.
struct Thresholds {
    std::int64_t age_ms = 0, waiting = 0, errors = 0;
};

/// A threshold was passed, or isn't any more.
struct Crossing {
    FlowKind kind = FlowKind::stream;
    std::string name, arn;
    Measure measure = Measure::age;
    bool is_over = true;
    std::int64_t value = 0, threshold = 0;
    std::string note;
};

}  // namespace stroma::watch
