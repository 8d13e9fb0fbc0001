#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/batch.h"

// A destination as a client configures it, a line "--", what the user's command or the endpoint
// answers, a line "--", and a record in each line. The batch is made or not; made again it is the
// same, and each record is in it once.

namespace {

using namespace stroma;
using namespace stroma::delivery;

std::string_view next_part(std::string_view& text) {
    const std::size_t end = std::min(text.find("\n--\n"), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 4, text.size()));
    return part;
}

bool is_same(const Batch& one, const Batch& other) {
    const auto same_object = [](const MadeObject& a, const MadeObject& b) {
        return a.bucket == b.bucket && a.key == b.key && a.bytes == b.bytes;
    };
    return std::ranges::equal(one.objects, other.objects, same_object) &&
           one.posts.size() == other.posts.size() && one.delivered == other.delivered &&
           one.refused == other.refused && one.dropped == other.dropped;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto destination = parse_destination(next_part(text));
    if (!destination) return 0;
    const std::string answer(next_part(text));
    // Queries run in a child process, which has a test of its own; rows have a target of theirs.
    destination->query.reset();
    destination->table.reset();
    std::vector<RawRecord> records;
    while (!text.empty() && records.size() < 100) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        records.push_back({std::string(text.substr(0, end)), 1'700'000'000'000,
                           std::to_string(records.size() + 1), 0, records.size() + 1});
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    const BatchName name{.delivery = "d",
                         .delivery_id = "id",
                         .version = 1,
                         .range = "0:1",
                         .planned_ms = 1'700'000'000'000,
                         .arn = "arn",
                         .region = "r",
                         .given_up = {},
                         .attempts = 0};
    const BatchTools tools{
        .open_engine = {},
        .scratch = {},
        .transform = [&](const std::string&, const std::string&) -> Result<std::string> {
            return answer;
        }};
    const auto batch = make_batch(name, *destination, records, tools);
    for (const Post& post : batch ? batch->posts : std::vector<Post>())
        (void)endpoint_took(answer, post.id);
    const auto again = make_batch(name, *destination, records, tools);
    if (batch.has_value() != again.has_value()) std::abort();
    if (!batch) return 0;
    if (!is_same(*batch, *again)) std::abort();
    // A record may hold several (of the KPL, or JSON values in a row), and none of no bytes.
    const std::uint64_t counted = batch->delivered + batch->refused + batch->dropped;
    if (counted < records.size() && !destination->takes_apart) std::abort();
    return 0;
}
