#pragma once

#include <functional>
#include <memory>

#include "catalog/principal.h"
#include "front/aws/call.h"
#include "message/queues.h"

namespace stroma::front::sqs {

/// Whether the principal may do that; denied else.
using Decide =
    std::function<Result<void>(const catalog::Principal&, catalog::Action, const catalog::Thing&)>;

/// Amazon SQS over `queues`: every operation of the API of 2012-11-05, in both of its protocols.
/// A queue belongs to who made it. Both must outlive the service.
std::unique_ptr<aws::Service> make_service(message::Queues& queues, Decide decide);

}  // namespace stroma::front::sqs
