#pragma once

#include <memory>
#include <thread>

#include "app/settings.h"
#include "app/site.h"
#include "front/kinesis/kinesis_service.h"
#include "stream/streams.h"

namespace stroma::app {

/// Logs in segment files.
stream::OpenLog segment_logs(const Clock& clock);

/// The site's streams behind the AWS port, in the folder "streams" of its data.
class StreamService {
public:
    static Result<std::unique_ptr<StreamService>> open(Site& site, const Settings& settings);
    front::aws::Service& kinesis() { return kinesis_; }
    stream::Streams& streams() { return *streams_; }

private:
    StreamService(std::unique_ptr<stream::Streams> streams, front::kinesis::Decide may);
    std::unique_ptr<stream::Streams> streams_;
    front::kinesis::KinesisService kinesis_;
    std::jthread tidying_;
};

}  // namespace stroma::app
