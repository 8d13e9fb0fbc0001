#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "watch/flow.h"

namespace stroma::watch {

/// Adds where everything of some kind stands now.
using Source = std::function<Result<void>(std::vector<Stand>& stands)>;
/// Tells others of a crossing; what fails is tried again with the next look.
using Tell = std::function<Result<void>(const Crossing& crossing)>;

struct WatcherOptions {
    std::map<FlowKind, Thresholds> thresholds;
    Milliseconds interval{5000};
    /// Keeps what has been told of; "" keeps it as long as the process.
    fs::path file;
};

/// Looks again and again at where things stand, works out rates, and tells of thresholds. With a
/// file, what was told of before a restart isn't told again; that all is well with it is told when
/// a minute has been watched, for rates and readers have to be seen first. Any thread.
class Watcher {
public:
    using Flows = std::vector<Flow>;  ///< by kind, then name

    Watcher(WatcherOptions options, std::vector<Source> sources, Tell tell, const Clock& clock);
    ~Watcher();
    /// One more source, which outlives what looks.
    void add(Source source);
    /// Looks by itself, at the interval, until stop.
    void start();
    void stop();

    /// Looks now, unless somebody did within the last second.
    Result<std::shared_ptr<const Flows>> flows();
    /// Looks now. errors  a source's: the others count nevertheless
    Result<void> look();
    const WatcherOptions& options() const { return options_; }

private:
    struct Sums {
        std::uint64_t in = 0, out = 0, bytes_in = 0, errors = 0;
    };
    using Key = std::pair<FlowKind, std::string>;
    struct Look {
        std::int64_t at_ms = 0;
        std::map<Key, Sums> sums;
    };
    using Alarm = std::pair<Key, Measure>;

    Flow flow_of(Stand stand, std::int64_t now) const;
    void judge(Flow& flow, std::map<Alarm, Crossing>& over) const;
    void tell_changes(std::map<Alarm, Crossing> over);
    void recall();
    void keep();

    const WatcherOptions options_;
    const Tell tell_;
    const Clock& clock_;
    std::mutex looking_;  ///< one at a time; guards the rest but flows_
    std::vector<Source> sources_;
    std::deque<Look> looks_;            ///< of the last minute, oldest first
    std::map<Alarm, Crossing> alarms_;  ///< that were told of
    std::set<Alarm> recalled_;          ///< of them: before the start, and not seen since
    std::int64_t began_ms_;
    std::int64_t looked_ms_ = 0;
    std::mutex mutex_;
    std::shared_ptr<const Flows> flows_ = std::make_shared<const Flows>();
    std::jthread thread_;
};

}  // namespace stroma::watch
