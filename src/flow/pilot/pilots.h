#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "flow/engine.h"
#include "flow/pilot/slurm.h"

namespace stroma::flow {

struct PilotOptions {
    PilotOrder order;
    ScaleRules rules;             ///< least, most and drain; a pilot does as many tasks as fit
    Milliseconds interval{2000};  ///< between looks at the cluster
};

/// Keeps as many pilot jobs at a Slurm cluster as the engine's queue asks for, down to none:
/// submits what is missing and cancels those that wait for nothing (those at work end by themselves
/// when they find no more). When one has ended, however, its tasks go on at once and what Slurm
/// says of it is kept with it. Jobs outlive this process: the next one finds them again by their
/// name.
class Pilots {
public:
    /// The engine must outlive it. errors  unavailable  Slurm's commands aren't there
    static Result<std::unique_ptr<Pilots>> open(Engine& engine, PilotOptions options,
                                                const Clock& clock);
    ~Pilots();
    void start();
    void stop();
    /// One look, for tests: what start() repeats.
    Result<void> look();

private:
    Pilots(Engine& engine, PilotOptions options, const Clock& clock, Slurm slurm);
    Result<void> compare(std::map<std::string, Pilot>& known);
    Result<void> end(Pilot pilot);
    Result<void> scale(const std::map<std::string, Pilot>& known);
    Result<void> submit(int count);
    void work(const std::stop_token& stop);

    Engine& engine_;
    const PilotOptions options_;
    const Clock& clock_;
    const Slurm slurm_;
    /// Pilots that end without having done anything would otherwise be started for ever.
    int idle_failures_ = 0;
    std::int64_t not_before_ms_ = 0;
    std::string trouble_;
    std::mutex mutex_;
    std::condition_variable_any stopped_;
    std::jthread thread_;
};

}  // namespace stroma::flow
