#pragma once

#include <string_view>

#include "base/json.h"
#include "delivery/deliveries.h"
#include "front/aws/shapes.h"

namespace stroma::front::firehose {

/// A new delivery's destination as it is stored (DeliveryState::config), of the request's members.
aws::Outcome<Json> stored_destination(const Json& parameters);
/// The stored destination with what an UpdateDestination changes.
aws::Outcome<Json> changed_destination(const Json& parameters, Json stored);
/// An element of Destinations, as DescribeDeliveryStream shows it: without keys and passwords.
Json shown_destination(const delivery::DeliveryState& state);

}  // namespace stroma::front::firehose
