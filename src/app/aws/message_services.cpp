#include "app/aws/message_services.h"

#include "catalog/catalog.h"
#include "front/sqs/sqs.h"

namespace stroma::app {

/// In the order in which it is made; each uses only what stands above it.
struct MessageServices::State {
    std::unique_ptr<message::Queues> queues;
    std::unique_ptr<front::aws::Service> sqs;
};

MessageServices::MessageServices(std::unique_ptr<State> state) : state_(std::move(state)) {}
MessageServices::~MessageServices() = default;

Result<std::unique_ptr<MessageServices>> MessageServices::open(Site& site, sql::WriteGroup& writes,
                                                               const std::string& account) {
    auto state = std::make_unique<State>();
    state->queues = TRY(message::Queues::open(writes, site.clock(), site.ids(), account));
    const auto asking = [&catalog = site.catalog()](auto method) {
        return [&catalog, method](const catalog::Principal& principal, catalog::Action action,
                                  const catalog::Thing& thing) {
            return (catalog.*method)(principal, action, thing);
        };
    };
    state->sqs = front::sqs::make_service(
        *state->queues,
        {.decide = asking(&catalog::Catalog::decide), .may = asking(&catalog::Catalog::may)});
    return std::unique_ptr<MessageServices>(new MessageServices(std::move(state)));
}

std::vector<front::aws::Service*> MessageServices::services() { return {state_->sqs.get()}; }

message::Queues& MessageServices::queues() { return *state_->queues; }

void MessageServices::stop() { state_->queues->stop(); }

}  // namespace stroma::app
