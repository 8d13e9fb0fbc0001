#pragma once

#include <functional>
#include <memory>

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
};

/// Amazon EventBridge over `events`. A bus and what hangs on it belongs to who made it; on the
/// default bus everybody may have rules and publish. Both must outlive the service.
std::unique_ptr<aws::Service> make_service(event::Events& events, Access access);

}  // namespace stroma::front::events
