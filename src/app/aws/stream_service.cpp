#include "app/aws/stream_service.h"

#include <condition_variable>
#include <mutex>

#include "queue/segments/segment_stream.h"

namespace stroma::app {
namespace {

constexpr std::chrono::minutes tidy_interval{1};

void tidy_until(const std::stop_token& stop, stream::Streams& streams) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stopped.wait_for(lock, stop, tidy_interval, [] { return false; }) &&
           !stop.stop_requested())
        streams.tidy();
}

}  // namespace

stream::OpenLog segment_logs(const Clock& clock) {
    return [&clock](const fs::path& folder, const stream::LogOptions& options) {
        return queue::open_segments(folder,
                                    {.shards = options.shards,
                                     .retention = options.retention,
                                     .identity = options.identity},
                                    clock);
    };
}

StreamService::StreamService(std::unique_ptr<stream::Streams> streams, front::kinesis::Decide may)
    : streams_(std::move(streams)),
      kinesis_(*streams_, std::move(may)),
      tidying_([this](const std::stop_token& stop) { tidy_until(stop, *streams_); }) {}

Result<std::unique_ptr<StreamService>> StreamService::open(Site& site, const Settings& settings) {
    auto streams =
        TRY_WITH(stream::Streams::open({.folder = site.data() / "streams",
                                        .transition = settings.duration("aws.transition"),
                                        .limits = settings.boolean("aws.limits")},
                                       segment_logs(site.clock()), site.clock(), site.ids()),
                 "opening the streams");
    return std::unique_ptr<StreamService>(new StreamService(
        std::move(streams), [&site](const catalog::Principal& principal, catalog::Action action,
                                    const catalog::Thing& thing) {
            return site.catalog().may(principal, action, thing);
        }));
}

}  // namespace stroma::app
