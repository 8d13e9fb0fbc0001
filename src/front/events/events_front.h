#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "catalog/principal.h"
#include "event/events.h"
#include "front/aws/call.h"

namespace stroma::front::events {

/// Whether the principal may do that.
using Decide =
    std::function<Result<bool>(const catalog::Principal&, catalog::Action, const catalog::Thing&)>;

struct Access {
    Decide decide;  ///< and have it recorded: for what happens to buses and rules
    Decide may;     ///< for events, and for what is only read
    /// The queue, stream or delivery of an ARN and whose it is; one of nobody when it isn't there,
    /// nothing when events are never sent to such an ARN.
    std::function<std::optional<catalog::Thing>(const std::string& arn)> find_target;
};

/// Amazon EventBridge over `events`. A bus and what hangs on it belongs to who made it; on the
/// default bus everybody may have rules and publish. A rule's targets, and where its failures go,
/// must be the caller's to change. Both must outlive the service.
std::unique_ptr<aws::Service> make_service(event::Events& events, Access access);

}  // namespace stroma::front::events
