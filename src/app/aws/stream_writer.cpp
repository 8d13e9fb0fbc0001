#include "app/aws/stream_writer.h"

#include <fmt/format.h>

#include "front/aws/call.h"

namespace stroma::app {
namespace {

constexpr std::size_t batch_records_max = 500, batch_bytes_max = 4u << 20;
constexpr Milliseconds refused_pause_first{50}, refused_pause_most{2000};

}  // namespace

Result<void> StreamWriter::put(std::string key, std::string data) {
    const std::size_t size = key.size() + data.size();
    if (kept_.size() == batch_records_max ||
        (!kept_.empty() && kept_bytes_ + size > batch_bytes_max))
        TRY(flush());
    kept_bytes_ += size;
    kept_.push_back({std::move(key), std::move(data)});
    return {};
}

Result<void> StreamWriter::flush() {
    Milliseconds pause = refused_pause_first;
    while (!kept_.empty()) {
        Json records = Json::array();
        for (const Record& record : kept_)
            records.push_back(
                {{"Data", front::aws::base64(record.data)}, {"PartitionKey", record.key}});
        const Json answer =
            TRY(client_.json("kinesis", "Kinesis_20131202.PutRecords",
                             {{"StreamName", stream_}, {"Records", std::move(records)}}));
        ++requests_;
        const auto results = answer.find("Records");
        if (results == answer.end() || results->size() != kept_.size())
            return fail(ErrorCode::unavailable, "PutRecords didn't answer for each record");
        std::vector<Record> refused;
        for (std::size_t r = 0; r < kept_.size(); ++r) {
            if ((*results)[r].contains("ErrorCode")) {
                refused.push_back(std::move(kept_[r]));
                continue;
            }
            ++records_;
            bytes_ += static_cast<std::int64_t>(kept_[r].data.size());
        }
        kept_ = std::move(refused);
        if (kept_.empty()) break;
        TRY(pause_for(pause, stop_));
        pause = std::min(2 * pause, refused_pause_most);
    }
    kept_bytes_ = 0;
    return {};
}

}  // namespace stroma::app
