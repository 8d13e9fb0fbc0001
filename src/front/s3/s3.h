#pragma once

#include "base/context.h"
#include "bucket/buckets.h"
#include "catalog/catalog.h"
#include "front/aws/port.h"

namespace stroma::front::s3 {

struct S3Options {
    /// Whether a notification's destination is one that events can go to; nothing answers no.
    std::function<bool(std::string_view arn)> knows_destination;
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
