#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "front/events/events_front.h"
#include "sql/sqlite/sqlite_database.h"

// An operation's name, a line break, and its body: rules, patterns, schedules, targets, events.
// Whatever it says, the answer is one or a refusal, and what it set in motion comes to an end.

namespace {

using namespace stroma;

struct Bus {
    ManualClock clock;
    IdSource ids{3};
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    sql::WriteGroup writes{*database};
    std::unique_ptr<message::Queues> queues =
        message::Queues::open(writes, clock, ids, "000000000000").value();
    std::unique_ptr<event::Events> events =
        event::Events::open(
            writes, *queues,
            {.webhook = [](const event::Webhook&) -> Result<void> { return {}; },
             .record = [](const auto&, const auto&, const auto&) -> Result<void> { return {}; },
             .may_reach = [](const auto&, const auto&) { return true; }},
            clock, ids, {})
            .value();
    std::unique_ptr<front::aws::Service> service = front::events::make_service(
        *events, {.decide = [](const auto&, auto, const auto&) { return true; },
                  .may = [](const auto&, auto, const auto&) { return true; },
                  .find_target = [](const std::string&) -> std::optional<catalog::Thing> {
                      return catalog::Thing{catalog::ThingKind::queue, "inbox", "rosa"};
                  }});
    Bus() {
        if (!queues->create({"inbox", "us-east-1", "rosa", {}, {}})) std::abort();
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int inputs_of_a_site = 500;  // what they leave must not pile up
    constexpr int steps_max = 20;
    static std::unique_ptr<Bus> bus;
    static int inputs = 0;
    if (inputs++ % inputs_of_a_site == 0) bus = std::make_unique<Bus>();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = text.find('\n');
    if (end == text.npos) return 0;
    front::aws::Call call;
    call.operation = text.substr(0, end);
    call.path = "/";
    call.body = text.substr(end + 1);
    call.account = "000000000000";
    call.region = "us-east-1";
    call.principal.id = call.principal.name = "rosa";
    call.principal.role = catalog::Role::user;
    const auto answer = bus->service->call(call);
    if (!answer && answer.error().status >= 500) std::abort();
    bus->clock.advance(Milliseconds{60'000});
    for (int step = 0; step < steps_max; ++step) {
        const auto worked = bus->events->work_once();
        if (!worked) std::abort();
        if (!*worked) break;
    }
    return 0;
}
