#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "front/firehose/firehose_service.h"
#include "queue/segments/segment_stream.h"

// An operation's name, a line break, and what it is asked: deliveries are made, changed, shown and
// fed. Whatever it says, the answer is one or a refusal.

namespace {

using namespace stroma;

class Firehose final : public delivery::ObjectSink {
public:
    Firehose() {
        const auto open_log = [this](const fs::path& path, const stream::LogOptions& options) {
            return queue::open_segments(
                path, {.shards = options.shards, .retention = options.retention}, clock_);
        };
        streams_ = stream::Streams::open({.folder = folder_ / "s"}, open_log, clock_, ids_).value();
        deliveries_ = delivery::Deliveries::open({.folder = folder_ / "d"}, open_log, *streams_,
                                                 *this, clock_, ids_)
                          .value();
        service_ = std::make_unique<front::firehose::FirehoseService>(
            *deliveries_, [](const auto&, auto, const auto&) -> Result<bool> { return true; },
            [](auto, auto) { return std::string("rosa"); });
        ask("CreateDeliveryStream",
            R"({"DeliveryStreamName":"d","S3DestinationConfiguration":{"RoleARN":"r",)"
            R"("BucketARN":"arn:aws:s3:::b"}})");
    }
    ~Firehose() override {
        service_.reset();
        deliveries_.reset();
        streams_.reset();
        fs::remove_all(folder_);
    }
    Firehose(const Firehose&) = delete;
    Firehose& operator=(const Firehose&) = delete;

    void ask(std::string_view operation, std::string_view body) {
        front::aws::Call call;
        call.operation = operation;
        call.wire = body.starts_with('{') ? front::aws::Wire::json_1_1 : front::aws::Wire::cbor_1_1;
        call.path = "/";
        call.body = body;
        call.account = "000000000000";
        call.region = "us-east-1";
        call.principal.id = call.principal.name = "rosa";
        const auto answer = service_->call(call);
        if (!answer && answer.error().status == 500) std::abort();
    }
    Result<void> put_if_absent(const delivery::MadeObject&) override { return {}; }

private:
    static fs::path make_folder() {
        std::string pattern = (fs::temp_directory_path() / "stroma-firehose-XXXXXX").string();
        return ::mkdtemp(pattern.data());
    }
    const fs::path folder_ = make_folder();
    ManualClock clock_;
    IdSource ids_{7};
    std::unique_ptr<stream::Streams> streams_;
    std::unique_ptr<delivery::Deliveries> deliveries_;
    std::unique_ptr<front::firehose::FirehoseService> service_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int inputs_of_a_site = 300;  // what they leave must not pile up
    static std::unique_ptr<Firehose> firehose;
    static int inputs = 0;
    if (inputs++ % inputs_of_a_site == 0) {
        firehose.reset();
        firehose = std::make_unique<Firehose>();
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = text.find('\n');
    if (end == text.npos) return 0;
    firehose->ask(text.substr(0, end), text.substr(end + 1));
    firehose->ask("DescribeDeliveryStream", R"({"DeliveryStreamName":"d"})");
    return 0;
}
