#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bucket/buckets.h"
#include "front/s3/attributes.h"
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
    std::string crc64;     ///< CRC64NVME of a part, whatever checksum came with it
};

/// Reads the request's body into the store: takes its framing off, checks its length, MD5,
/// SHA-256 and checksums. Memory doesn't grow with the body. A part is a blob also when it is few
/// bytes. Like S3, an object that comes without a checksum is given a CRC64NVME.
/// errors  BadDigest, XAmzContentSHA256Mismatch, IncompleteBody, SignatureDoesNotMatch, …
Outcome<Taken> take_body(Operation& operation, bool is_part);

/// Makes an object of it, with these attributes and what the caller has set of `object`; its bytes
/// are dropped when that fails.
Outcome<bucket::ObjectVersion> keep_taken(Operation& operation, Taken taken, Attributes& attributes,
                                          bucket::NewObject object);

/// A small body (a document) as text, checked likewise; checksums in headers are those of the
/// object that it is about, and not looked at, where `of_object`. errors  MaxMessageLengthExceeded
Outcome<std::string> document_body(Operation& operation, std::uint64_t bytes_max = 2u << 20,
                                   bool of_object = false);

}  // namespace stroma::front::s3
