#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.h"
#include "app/site.h"
#include "event/events.h"
#include "front/aws/call.h"
#include "message/queues.h"
#include "sql/write_group.h"

namespace stroma::app {

/// The stream or delivery of an ARN and whose it is; one of nobody when it isn't there, nothing for
/// another kind of ARN.
using FindRecordTarget = std::function<std::optional<catalog::Thing>(const std::string& arn)>;

/// Queues and events, and their services on the AWS port.
class MessageServices {
public:
    /// `sinks.record` puts a record on a stream or into a delivery; what calls webhooks is added
    /// here. Site and writes must outlive it.
    static Result<std::unique_ptr<MessageServices>> open(Site& site, sql::WriteGroup& writes,
                                                         const Settings& settings,
                                                         event::Sinks sinks,
                                                         FindRecordTarget find_record_target);
    ~MessageServices();
    /// To be added to the port.
    std::vector<front::aws::Service*> services();
    message::Queues& queues();
    event::Events& events();
    /// Lets schedules, replays and deliveries run by themselves.
    void start();
    /// Ends what waits and what works by itself. Before the port ends.
    void stop();

private:
    struct State;
    explicit MessageServices(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::app
