#pragma once

#include <functional>
#include <memory>

#include "catalog/principal.h"
#include "front/aws/call.h"
#include "message/queues.h"

namespace stroma::front::sqs {

/// Whether the principal may do that.
using Decide =
    std::function<Result<bool>(const catalog::Principal&, catalog::Action, const catalog::Thing&)>;

struct Access {
    Decide decide;  ///< and have it recorded: for what happens to queues
    Decide may;     ///< for what happens to messages
};

/// Amazon SQS over `queues`: every operation of the API of 2012-11-05, in both of its protocols.
/// A queue belongs to who made it. Both must outlive the service.
std::unique_ptr<aws::Service> make_service(message::Queues& queues, Access access);

}  // namespace stroma::front::sqs
