#include "front/aws/calls_fuzz.h"
#include "front/firehose/firehose_service.h"
#include "stream/streams_fuzz.h"

// An operation's name, a line break, and what it is asked: deliveries are made, changed, shown and
// fed. Whatever it says, the answer is one or a refusal.

namespace {

using namespace stroma;

class Firehose final : stream::FuzzedStreams, delivery::ObjectSink {
public:
    Firehose()
        : deliveries_(delivery::Deliveries::open({.folder = folder / "d"}, log_opener(), *streams,
                                                 *this, clock, ids)
                          .value()),
          service_(
              *deliveries_, [](const auto&, auto, const auto&) -> Result<bool> { return true; },
              [](auto, auto) { return std::string("rosa"); }) {
        ask("CreateDeliveryStream",
            R"({"DeliveryStreamName":"d","S3DestinationConfiguration":{"RoleARN":"r",)"
            R"("BucketARN":"arn:aws:s3:::b"}})");
    }

    void ask(std::string_view operation, std::string_view body) {
        front::aws::Call call = front::aws::fuzzed_call(operation, body);
        const auto answer = service_.call(call);
        if (!answer && answer.error().status == 500) std::abort();
    }
    Result<void> put_if_absent(const delivery::MadeObject&) override { return {}; }

private:
    std::unique_ptr<delivery::Deliveries> deliveries_;
    front::firehose::FirehoseService service_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (auto* firehose = front::aws::ask_fuzzed<Firehose>(data, size, 300))
        firehose->ask("DescribeDeliveryStream", R"({"DeliveryStreamName":"d"})");
    return 0;
}
