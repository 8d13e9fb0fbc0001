#include "flow/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "flow/size_text.h"

namespace stroma::flow {
namespace {

constexpr std::array<std::pair<std::string_view, Outcome>, 8> outcome_names = {{
    {"done", Outcome::done},
    {"bad_input", Outcome::bad_input},
    {"temporary", Outcome::temporary},
    {"memory", Outcome::memory},
    {"timeout", Outcome::timeout},
    {"lost", Outcome::lost},
    {"failure", Outcome::failure},
    {"cancelled", Outcome::cancelled},
}};

int allowed(Outcome outcome, const Retries& retries) {
    switch (outcome) {
        case Outcome::temporary: return retries.temporary;
        case Outcome::memory: return retries.memory;
        case Outcome::timeout: return retries.timeout;
        case Outcome::lost: return retries.lost;
        case Outcome::failure: return retries.failure;
        default: return 0;
    }
}

}  // namespace

std::string_view name_of(Outcome outcome) {
    for (const auto& [name, known] : outcome_names)
        if (known == outcome) return name;
    return "failure";
}

Outcome outcome_named(std::string_view name) {
    for (const auto& [known, outcome] : outcome_names)
        if (known == name) return outcome;
    return Outcome::failure;
}

Verdict judge(Outcome outcome, const Tries& tries, const Retries& retries, std::uint64_t memory_max,
              Milliseconds first_delay, std::uint64_t seed) {
    Verdict verdict{.memory_bytes = tries.memory_bytes, .timeout = tries.timeout};
    const auto found = tries.ended.find(outcome);
    const int times = found == tries.ended.end() ? 1 : found->second;
    if (times > allowed(outcome, retries)) {
        verdict.why = outcome == Outcome::bad_input
                          ? std::string("bad input is not tried again")
                          : fmt::format("ended so {} times; no more tries", times);
        return verdict;
    }
    verdict.again = true;
    switch (outcome) {
        case Outcome::memory:
            if (tries.memory_bytes >= memory_max) {
                verdict.again = false;
                verdict.why = fmt::format("it had {}, and nobody may have more",
                                          size_text(tries.memory_bytes));
                return verdict;
            }
            verdict.memory_bytes = std::min(memory_max, tries.memory_bytes * 2);
            verdict.why = "again with " + size_text(verdict.memory_bytes);
            return verdict;
        case Outcome::timeout:
            verdict.timeout = tries.timeout * 2;
            verdict.why = fmt::format("again with {} s", verdict.timeout.count() / 1000);
            return verdict;
        case Outcome::lost: verdict.why = "again at once"; return verdict;
        default: break;
    }
    constexpr int doublings_max = 8;
    const std::int64_t delay = first_delay.count() << std::min(times - 1, doublings_max);
    // 80 % to 120 % of it.
    const auto share = static_cast<std::int64_t>(seed % 401) + 800;
    verdict.delay = Milliseconds{delay * share / 1000};
    verdict.why = fmt::format("again in {} ms", verdict.delay.count());
    return verdict;
}

}  // namespace stroma::flow
