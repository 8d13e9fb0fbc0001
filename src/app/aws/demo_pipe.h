#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "app/aws/aws_client.h"

namespace stroma::app {

/// What a demo's records pass through: the stream, its delivery and the bucket have one name.
struct DemoPipe {
    std::string name, queue;      ///< the queue is told of each object
    std::string prefix;           ///< of objects: "daily_price/"
    std::int64_t interval_s = 2;  ///< for which a delivery gathers records
};

/// Makes what isn't there: stream, bucket, queue, delivery.
Result<void> make_pipe(AwsClient& client, const DemoPipe& pipe);

/// An answer of S3 that is no error, or one of those.
Result<AwsAnswer> answered_well(Result<AwsAnswer> answer, const char* what,
                                std::initializer_list<std::string_view> fine = {});

}  // namespace stroma::app
