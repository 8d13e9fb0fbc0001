#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "front/sqs/sqs.h"
#include "message/queues.h"
#include "sql/sqlite/sqlite_database.h"

// An operation's name, a line break, and what it is asked: JSON, or the members of the query
// protocol with '&' between. Whatever it says, the answer is one or a refusal.

namespace {

using namespace stroma;

struct Sqs {
    ManualClock clock;
    IdSource ids{3};
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    sql::WriteGroup writes{*database};
    std::unique_ptr<message::Queues> queues =
        message::Queues::open(writes, clock, ids, "000000000000").value();
    std::unique_ptr<front::aws::Service> service = front::sqs::make_service(
        *queues, {.decide = [](const auto&, auto, const auto&) { return true; },
                  .may = [](const auto&, auto, const auto&) { return true; }});
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Sqs sqs;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return 0;
    std::stop_source left;
    left.request_stop();  // nobody waits for a message
    front::aws::Call call;
    call.operation = text.substr(0, end);
    call.left = left.get_token();
    call.account = "000000000000";
    call.region = "us-east-1";
    call.host = "localhost";
    call.scheme = "http";
    call.path = "/";
    std::string_view body = text.substr(end + 1);
    call.wire = body.starts_with('{') ? front::aws::Wire::json_1_0 : front::aws::Wire::query;
    call.body = body;
    while (call.wire == front::aws::Wire::query && !body.empty()) {
        const std::string_view member = body.substr(0, body.find('&'));
        body.remove_prefix(std::min(body.size(), member.size() + 1));
        const std::size_t equals = std::min(member.find('='), member.size());
        call.form.emplace_back(member.substr(0, equals),
                               member.substr(std::min(equals + 1, member.size())));
    }
    const auto answer = sqs.service->call(call);
    if (!answer && answer.error().status >= 500) std::abort();
    return 0;
}
