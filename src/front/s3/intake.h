#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bucket/buckets.h"
#include "front/s3/checksum.h"
#include "front/s3/operation.h"

namespace stroma::front::s3 {

/// A body that came in whole, and was what the request said it is.
struct Taken {
    bucket::Body body;  ///< bytes when there are few, else one blob
    std::uint64_t size = 0;
    std::string md5;  ///< hexadecimal
    std::optional<ChecksumKind> checksum_kind;
    std::string checksum;  ///< base64
};

/// Reads the request's body into the store: takes its framing off, checks its length, MD5,
/// SHA-256 and checksums. Memory doesn't grow with the body. With `always_blob` few bytes are a
/// blob too.
/// errors  BadDigest, XAmzContentSHA256Mismatch, IncompleteBody, SignatureDoesNotMatch, …
Outcome<Taken> take_body(Operation& operation, bool always_blob);

/// A small body (a document) as text, checked likewise. errors  MaxMessageLengthExceeded
Outcome<std::string> document_body(Operation& operation, std::uint64_t bytes_max = 2u << 20);

}  // namespace stroma::front::s3
