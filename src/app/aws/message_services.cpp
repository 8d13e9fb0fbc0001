#include "app/aws/message_services.h"

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

}  // namespace

/// In the order in which it is made; each uses only what stands above it.
struct MessageServices::State {
    std::unique_ptr<message::Queues> queues;
    std::unique_ptr<event::Events> events;
    std::unique_ptr<front::aws::Service> sqs, events_service;
};

MessageServices::MessageServices(std::unique_ptr<State> state) : state_(std::move(state)) {}
MessageServices::~MessageServices() = default;

Result<std::unique_ptr<MessageServices>> MessageServices::open(Site& site, sql::WriteGroup& writes,
                                                               const Settings& settings,
                                                               event::Sinks sinks) {
    auto state = std::make_unique<State>();
    const std::string account = settings.text("aws.account");
    state->queues = TRY(message::Queues::open(writes, site.clock(), site.ids(), account));
    sinks.webhook = [allow_private = settings.boolean("fetch.private_addresses")](
                        const event::Webhook& call) { return call_webhook(call, allow_private); };
    state->events = TRY(event::Events::open(
        writes, *state->queues, std::move(sinks), site.clock(), site.ids(),
        event::EventsOptions{.account = account, .region = settings.text("aws.region")}));
    const auto asking = [&catalog = site.catalog()](auto method) {
        return [&catalog, method](const catalog::Principal& principal, catalog::Action action,
                                  const catalog::Thing& thing) {
            return (catalog.*method)(principal, action, thing);
        };
    };
    state->sqs = front::sqs::make_service(
        *state->queues,
        {.decide = asking(&catalog::Catalog::decide), .may = asking(&catalog::Catalog::may)});
    state->events_service = front::events::make_service(
        *state->events,
        {.decide = asking(&catalog::Catalog::decide), .may = asking(&catalog::Catalog::may)});
    return std::unique_ptr<MessageServices>(new MessageServices(std::move(state)));
}

std::vector<front::aws::Service*> MessageServices::services() {
    return {state_->sqs.get(), state_->events_service.get()};
}

message::Queues& MessageServices::queues() { return *state_->queues; }

event::Events& MessageServices::events() { return *state_->events; }

void MessageServices::start() { state_->events->start(); }

void MessageServices::stop() {
    state_->events->stop();
    state_->queues->stop();
}

}  // namespace stroma::app
