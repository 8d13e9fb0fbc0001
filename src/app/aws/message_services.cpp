#include "app/aws/message_services.h"

#include "app/aws/job_events.h"
#include "base/metrics.h"
#include "catalog/catalog.h"
#include "front/events/events_front.h"
#include "front/http/fetch.h"
#include "front/sqs/sqs.h"

namespace stroma::app {
namespace {

constexpr int webhook_seconds_max = 20;

/// An address that isn't public is refused at once unless the operator allows such; what doesn't
/// answer well is tried again.
Result<void> call_webhook(const event::Webhook& call, bool allow_private) {
    front::http::FetchOptions options;
    options.bytes_max = 1u << 20;
    options.seconds_max = webhook_seconds_max;
    options.redirects_max = 0;
    options.allow_private = allow_private;
    options.body = call.body;
    options.headers = call.headers;
    const auto answer = front::http::fetch(call.url, options);
    return answer ? Result<void>{} : fail(answer.error());
}

Result<void> publish_queues(message::Queues& queues) {
    for (const message::QueuePointer& queue : queues.list()) {
        const message::QueueCounts counts = TRY(queues.counts(*queue));
        const auto set = [&](const char* state, std::int64_t value) {
            gauge("stroma_sqs_messages", "Messages in a queue of the AWS port",
                  {{"queue", queue->name}, {"state", state}})
                .set(static_cast<double>(value));
        };
        set("visible", counts.visible);
        set("in_flight", counts.in_flight);
        set("delayed", counts.delayed);
        gauge("stroma_sqs_oldest_seconds", "Age of the oldest message of a queue of the AWS port",
              {{"queue", queue->name}})
            .set(static_cast<double>(counts.oldest_age_ms) / 1000);
    }
    return {};
}

Result<void> publish_deliveries(event::Events& events) {
    const event::EventCounts counts = TRY(events.counts());
    gauge("stroma_event_deliveries_waiting", "Deliveries of events not yet made")
        .set(static_cast<double>(counts.deliveries));
    gauge("stroma_event_delivery_oldest_seconds", "Age of the oldest delivery not yet made")
        .set(static_cast<double>(counts.oldest_delivery_age_ms) / 1000);
    gauge("stroma_event_archived", "Events in archives").set(static_cast<double>(counts.archived));
    return {};
}

}  // namespace

/// In the order in which it is made; each uses only what stands above it.
struct MessageServices::State {
    std::unique_ptr<message::Queues> queues;
    std::unique_ptr<event::Events> events;
    std::unique_ptr<JobEvents> job_events;
    std::unique_ptr<front::aws::Service> sqs, events_service;
};

MessageServices::MessageServices(std::unique_ptr<State> state) : state_(std::move(state)) {}
MessageServices::~MessageServices() = default;

Result<std::unique_ptr<MessageServices>> MessageServices::open(
    Site& site, sql::WriteGroup& writes, const Settings& settings, event::Sinks sinks,
    FindRecordTarget find_record_target) {
    auto state = std::make_unique<State>();
    const std::string account = settings.text("aws.account");
    state->queues = TRY(message::Queues::open(writes, site.clock(), site.ids(), account));
    const auto find_target = [queues = state->queues.get(), find_record_target](
                                 const std::string& arn) -> std::optional<catalog::Thing> {
        if (arn.find(":sqs:") == std::string::npos) return find_record_target(arn);
        const auto queue = queues->find_arn(arn);
        return catalog::Thing{.kind = catalog::ThingKind::queue,
                              .id = queue ? queue->name : arn,
                              .owner = queue ? queue->owner : ""};
    };
    sinks.may_reach = [&site, find_target](const std::string& owner, const std::string& arn) {
        const auto thing = find_target(arn);
        if (!thing || thing->owner.empty() || thing->owner == owner) return true;
        std::optional<catalog::Principal> principal = catalog::local_administrator();
        if (owner != principal->id)
            principal = site.catalog().find_principal(owner).value_or(std::nullopt);
        if (!principal) return false;
        return site.catalog().may(*principal, catalog::Action::change, *thing).value_or(false);
    };
    sinks.webhook = [allow_private = settings.boolean("fetch.private_addresses")](
                        const event::Webhook& call) { return call_webhook(call, allow_private); };
    state->events =
        TRY(event::Events::open(writes, *state->queues, std::move(sinks), site.clock(), site.ids(),
                                event::EventsOptions{.account = account,
                                                     .region = settings.text("aws.region"),
                                                     .sealer = &site.access_keys().secrets()}));
    state->job_events = TRY(JobEvents::open(site, writes, *state->events));
    const auto asking = [&catalog = site.catalog()](auto method) {
        return [&catalog, method](const catalog::Principal& principal, catalog::Action action,
                                  const catalog::Thing& thing) {
            return (catalog.*method)(principal, action, thing);
        };
    };
    state->sqs = front::sqs::make_service(
        *state->queues,
        {.decide = asking(&catalog::Catalog::decide), .may = asking(&catalog::Catalog::may)});
    state->events_service =
        front::events::make_service(*state->events, {.decide = asking(&catalog::Catalog::decide),
                                                     .may = asking(&catalog::Catalog::may),
                                                     .find_target = find_target});
    site.add_gauges([held = state.get()]() -> Result<void> {
        TRY(publish_queues(*held->queues));
        return publish_deliveries(*held->events);
    });
    return std::unique_ptr<MessageServices>(new MessageServices(std::move(state)));
}

std::vector<front::aws::Service*> MessageServices::services() {
    return {state_->sqs.get(), state_->events_service.get()};
}

message::Queues& MessageServices::queues() { return *state_->queues; }

event::Events& MessageServices::events() { return *state_->events; }

void MessageServices::start() {
    state_->events->start();
    state_->job_events->start();
}

void MessageServices::stop() {
    state_->job_events->stop();
    state_->events->stop();
    state_->queues->stop();
}

}  // namespace stroma::app
