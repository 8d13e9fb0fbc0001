#pragma once

#include "base/context.h"
#include "bucket/buckets.h"
#include "catalog/catalog.h"
#include "front/aws/port.h"

namespace stroma::front::s3 {

struct S3Options {
    /// Sends a notification's destination its test message; false when events can't go there, or
    /// when it isn't the principal's to change.
    std::function<Result<bool>(const catalog::Principal&, std::string_view arn,
                               std::string_view test)>
        send_test;
    /// Says that an object waits to be brought back.
    std::function<void()> tiers_wake = {};
    /// Of forms, which carry their signature in their fields.
    aws::FindKey find_key = {};
};

/// Answers S3's requests. Any thread.
class S3 {
public:
    S3(bucket::Buckets& buckets, catalog::Catalog& catalog, const Clock& clock, S3Options options)
        : buckets_(buckets), catalog_(catalog), clock_(clock), options_(std::move(options)) {}

    http::Response answer(http::Request& request, const aws::Signed& signature);

private:
    bucket::Buckets& buckets_;
    catalog::Catalog& catalog_;
    const Clock& clock_;
    const S3Options options_;
};

/// A refusal as S3 writes it; without a body where the method is HEAD.
http::Response fault_response(const http::Request& request, const aws::Fault& fault);
/// What the server refuses by itself, in S3's words.
http::Response server_error(int status, std::string_view message, std::string_view request_id);

}  // namespace stroma::front::s3
