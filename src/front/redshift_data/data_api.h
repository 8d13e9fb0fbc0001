#pragma once

#include <functional>
#include <memory>

#include "catalog/principal.h"
#include "front/aws/call.h"
#include "statement/statements.h"

namespace stroma::front::redshift_data {

/// Whether the principal may do that.
using Decide =
    std::function<Result<bool>(const catalog::Principal&, catalog::Action, const catalog::Thing&)>;

struct Access {
    Decide decide;  ///< and have it recorded: for what is run and called off
    Decide may;     ///< for what is asked about
};

/// The Redshift Data API over `statements`. A statement belongs to who sent it, as a job does: they
/// and administrators see it and its result. The statements must outlive the service.
std::unique_ptr<aws::Service> make_service(statement::Statements& statements, Access access);

}  // namespace stroma::front::redshift_data
