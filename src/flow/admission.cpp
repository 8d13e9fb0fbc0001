#include "flow/admission.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace stroma::flow {
namespace {

bool fits(const Candidate& candidate, const Capacity& in) {
    return candidate.cores <= in.cores && candidate.memory_bytes <= in.memory_bytes;
}

}  // namespace

std::optional<std::int64_t> choose(const std::vector<Candidate>& candidates, const Capacity& left,
                                   const AdmissionRules& rules,
                                   const std::map<std::string, int>& running_of,
                                   std::int64_t now_ms) {
    // Who has waited too long; those that came behind it stay behind.
    const Candidate* held_up = nullptr;
    for (const Candidate& candidate : candidates) {
        if (!fits(candidate, rules.whole) || fits(candidate, left)) continue;
        if (now_ms - candidate.ready_ms <= rules.patience.count()) continue;
        if (held_up == nullptr || candidate.ready_ms < held_up->ready_ms) held_up = &candidate;
    }
    const auto rank = [&](const Candidate& candidate) {
        const auto found = running_of.find(candidate.owner);
        const int running = found == running_of.end() ? 0 : found->second;
        return std::tuple(-candidate.priority, running, candidate.ready_ms, candidate.task);
    };
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates) {
        if (!fits(candidate, left)) continue;
        const bool passes = held_up != nullptr && candidate.ready_ms > held_up->ready_ms &&
                            candidate.priority <= held_up->priority;
        if (passes) continue;
        if (best == nullptr || rank(candidate) < rank(*best)) best = &candidate;
    }
    if (best == nullptr) return std::nullopt;
    return best->task;
}

int workers_wanted(const Load& load, const ScaleRules& rules) {
    if (load.tasks == 0) return rules.least;
    const double share = std::ceil(load.waiting_core_seconds / std::max(1.0, rules.drain_seconds));
    const int by_work = std::max(1, static_cast<int>(std::min(share, 1e6)));
    const int each = std::max(1, rules.tasks_each);
    const int by_tasks = (load.tasks + each - 1) / each;
    return std::clamp(std::min(by_work, by_tasks), rules.least, std::max(rules.least, rules.most));
}

}  // namespace stroma::flow
