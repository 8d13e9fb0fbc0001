#include "front/aws/calls_fuzz.h"
#include "front/kinesis/kinesis_service.h"
#include "stream/streams_fuzz.h"

// An operation's name, a line break, and what it is asked: JSON, or CBOR. Whatever it says, the
// answer is one or a refusal; of puts both ways in, the fast one and the other, are taken.

namespace {

using namespace stroma;

class Kinesis : stream::FuzzedStreams {
public:
    Kinesis()
        : service_(*streams, [](const auto&, auto, const auto&) -> Result<bool> { return true; }) {
        ask("CreateStream", "{\"StreamName\":\"s\",\"ShardCount\":1}");
    }

    void ask(std::string_view operation, std::string_view body) {
        std::stop_source left;
        left.request_stop();  // nobody waits for a record
        front::aws::Call call = front::aws::fuzzed_call(operation, body);
        call.left = left.get_token();
        const auto answer = service_.call(call);
        if (!answer && answer.error().status >= 500) std::abort();
    }

private:
    front::kinesis::KinesisService service_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    front::aws::ask_fuzzed<Kinesis>(data, size, 500);
    return 0;
}
