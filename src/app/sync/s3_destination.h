#pragma once

#include "app/aws/aws_client.h"
#include "sync/destination.h"

namespace stroma::app {

/// Keys to speak with; asked for anew now and then, as keys of our own server are for an hour.
using FindAccess = std::function<Result<AwsAccess>()>;

/// Connections to one bucket by S3's protocol, path-style. `pace` is waited for piece by piece.
sync::OpenDestination s3_destinations(FindAccess find_access, std::string bucket,
                                      const Clock& clock);

}  // namespace stroma::app
