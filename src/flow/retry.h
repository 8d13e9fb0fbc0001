#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "flow/definition.h"

namespace stroma::flow {

/// What became of an attempt.
enum class Outcome {
    done,
    bad_input,  ///< exit code 65, or an output that isn't as promised
    temporary,  ///< exit code 75
    memory,     ///< it took more than it was given
    timeout,
    lost,     ///< its worker was heard of no more
    failure,  ///< anything else
    cancelled
};
std::string_view name_of(Outcome outcome);
Outcome outcome_named(std::string_view name);

/// What a task was given, and how often it ended in which way before.
struct Tries {
    std::map<Outcome, int> ended;  ///< with this one counted
    std::uint64_t memory_bytes = 0;
    Milliseconds timeout{0};
};

struct Verdict {
    bool again = false;
    Milliseconds delay{0};
    std::uint64_t memory_bytes = 0;
    Milliseconds timeout{0};
    std::string why;  ///< for people: "out of memory: again with 2 GiB"
};

/// Whether and how a task is tried again. Out of memory doubles what it gets, up to `memory_max`;
/// a timeout doubles the time; what is temporary waits 5 s, 10 s, 20 s … (of `first_delay`), by up
/// to a fifth more or less as `seed` has it; a lost worker's task goes on at once.
Verdict judge(Outcome outcome, const Tries& tries, const Retries& retries, std::uint64_t memory_max,
              Milliseconds first_delay, std::uint64_t seed);

}  // namespace stroma::flow
