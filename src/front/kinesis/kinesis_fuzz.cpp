#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "front/kinesis/kinesis_service.h"
#include "queue/segments/segment_stream.h"

// An operation's name, a line break, and what it is asked: JSON, or CBOR. Whatever it says, the
// answer is one or a refusal; of puts both ways in, the fast one and the other, are taken.

namespace {

using namespace stroma;

class Kinesis {
public:
    Kinesis() {
        const auto open_log = [this](const fs::path& path, const stream::LogOptions& options) {
            return queue::open_segments(
                path, {.shards = options.shards, .retention = options.retention}, clock_);
        };
        streams_ = stream::Streams::open({.folder = folder_}, open_log, clock_, ids_).value();
        service_ = std::make_unique<front::kinesis::KinesisService>(
            *streams_, [](const auto&, auto, const auto&) -> Result<bool> { return true; });
        ask("CreateStream", "{\"StreamName\":\"s\",\"ShardCount\":1}");
    }
    ~Kinesis() {
        service_.reset();
        streams_.reset();
        fs::remove_all(folder_);
    }
    Kinesis(const Kinesis&) = delete;
    Kinesis& operator=(const Kinesis&) = delete;

    void ask(std::string_view operation, std::string_view body) {
        std::stop_source left;
        left.request_stop();  // nobody waits for a record
        front::aws::Call call;
        call.operation = operation;
        call.wire = body.starts_with('{') ? front::aws::Wire::json_1_1 : front::aws::Wire::cbor_1_1;
        call.path = "/";
        call.body = body;
        call.account = "000000000000";
        call.region = "us-east-1";
        call.left = left.get_token();
        const auto answer = service_->call(call);
        if (!answer && answer.error().status >= 500) std::abort();
    }

private:
    static fs::path make_folder() {
        std::string pattern = (fs::temp_directory_path() / "stroma-kinesis-XXXXXX").string();
        return ::mkdtemp(pattern.data());
    }
    const fs::path folder_ = make_folder();
    ManualClock clock_;
    IdSource ids_{7};
    std::unique_ptr<stream::Streams> streams_;
    std::unique_ptr<front::kinesis::KinesisService> service_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int inputs_of_a_site = 500;  // what they leave must not pile up
    static std::unique_ptr<Kinesis> kinesis;
    static int inputs = 0;
    if (inputs++ % inputs_of_a_site == 0) {
        kinesis.reset();
        kinesis = std::make_unique<Kinesis>();
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = text.find('\n');
    if (end != text.npos) kinesis->ask(text.substr(0, end), text.substr(end + 1));
    return 0;
}
