#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bucket/object_version.h"
#include "front/s3/checksum.h"
#include "front/s3/operation.h"

namespace stroma::front::s3 {

/// What is kept of an object beside its bytes.
struct Attributes {
    std::map<std::string, std::string> headers;   ///< "Content-Type", "Cache-Control", …
    std::map<std::string, std::string> metadata;  ///< without "x-amz-meta-"
    std::string checksum_kind, checksum;          ///< "CRC32" and base64; "" for none
    std::string checksum_type;                    ///< "FULL_OBJECT", "COMPOSITE"
    std::vector<std::uint64_t> parts;             ///< their sizes; empty of a single put
    std::vector<std::string> part_checksums;      ///< base64; empty where they have none
    std::string acl;                              ///< see acl.h; "" where nothing was said
    std::string class_of_upload;                  ///< the storage class that it is to have

    std::string text() const;
    static Attributes of(const std::string& text);
};

/// Of a checksum's name that nobody knows.
tl::unexpected<Fault> unknown_checksum();
/// Of the request's headers. errors  MetadataTooLarge
Outcome<Attributes> asked_attributes(const Operation& operation);
void add_headers(const Attributes& attributes, http::Response& response);
void add_checksum(const Attributes& attributes, http::Response& response);
/// "a=1&b=2" of the header x-amz-tagging, checked. errors  InvalidTag
Outcome<std::string> asked_tags(const Operation& operation);
Outcome<void> check_tags(const std::vector<std::pair<std::string, std::string>>& tags);
std::string tags_text(const std::vector<std::pair<std::string, std::string>>& tags);
std::vector<std::pair<std::string, std::string>> tags_in(const std::string& text);

/// "2026-11-22T01:30:00.000Z" is base's iso_time; this is "Sun, 22 Nov 2026 01:30:00 GMT".
std::string http_date(std::int64_t unix_ms);
/// The same moment in a document: whole seconds, as in the header Last-Modified.
std::string document_time(std::int64_t unix_ms);
/// A key, or a path, as an address has it: its slashes stay.
std::string encoded_path(std::string_view path);
std::optional<std::int64_t> parse_http_date(const std::string& text);

/// The conditions of a write: If-Match and If-None-Match.
Outcome<bucket::Condition> asked_condition(const Operation& operation);
/// Those of a read, or (with "x-amz-copy-source-" before their names) of a copy's source.
/// errors  NotModified (304), PreconditionFailed (412)
Outcome<void> check_read_conditions(const Operation& operation, const bucket::ObjectVersion& object,
                                    const std::string& before);
bool names_etag_of(const std::string& list, const std::string& etag);
std::string without_quotes(std::string_view etag);

/// A copy's source. errors  InvalidArgument
struct CopySource {
    std::string bucket, key, version;
};
Outcome<CopySource> asked_source(const Operation& operation);
/// "bucket/key" of such a header, without its version; nothing where it can't be decoded.
std::optional<std::string> source_path(std::string_view header);
/// Finds it, checks that the sender may read it and its conditions.
Outcome<bucket::ObjectVersion> open_source(Operation& operation, const CopySource& source);

/// The class of an object and how long a copy of it can be read (x-amz-restore).
void add_tier(const bucket::ObjectVersion& object, std::int64_t now_ms, http::Response& response);
/// errors  InvalidObjectState  it lies in an archive
Outcome<void> check_readable(const bucket::ObjectVersion& object, std::int64_t now_ms);
/// "STANDARD" where the request names none. errors  InvalidStorageClass
Outcome<std::string> asked_storage_class(const Operation& operation);
/// The list that a new object gets; "" where none is asked for. errors  as asked_acl
Outcome<std::string> asked_acl_text(const Operation& operation);

/// 200 with this document.
http::Response xml_response(std::string document, int status = 200);

}  // namespace stroma::front::s3
