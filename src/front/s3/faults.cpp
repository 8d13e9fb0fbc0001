#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "front/http/url.h"
#include "front/s3/operation.h"

namespace stroma::front::s3 {

Fault fault_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::invalid_input: return {"InvalidArgument", error.message, 400};
        case ErrorCode::exhausted:
            return {"SlowDown", "Please reduce your request rate. " + error.message, 503};
        case ErrorCode::conflict:
        case ErrorCode::unavailable:
            return {"ServiceUnavailable", "Please try again. " + error.message, 503};
        case ErrorCode::cancelled: return {"RequestTimeout", error.message, 400};
        case ErrorCode::denied: return {"AccessDenied", "Access Denied", 403};
        case ErrorCode::not_found:
        case ErrorCode::already_exists:
        case ErrorCode::unsupported:
        case ErrorCode::corrupt: break;
    }
    return {"InternalError", error.message, 500};
}

Fault fault_of(const bucket::Refusal& refusal) {
    switch (refusal.why) {
        case bucket::Why::failed: return fault_of(refusal.error);
        case bucket::Why::no_such_bucket:
            return {"NoSuchBucket", "The specified bucket does not exist", 404};
        case bucket::Why::bucket_exists:
            return {"BucketAlreadyExists",
                    "The requested bucket name is not available. The bucket namespace is shared by "
                    "all users of the system. Please select a different name and try again.",
                    409};
        case bucket::Why::bucket_not_empty:
            return {"BucketNotEmpty", "The bucket you tried to delete is not empty", 409};
        case bucket::Why::no_such_key:
            return {"NoSuchKey", "The specified key does not exist.", 404};
        case bucket::Why::no_such_version:
            return {"NoSuchVersion", "The specified version does not exist.", 404};
        case bucket::Why::is_marker:
            return {"MethodNotAllowed",
                    "The specified method is not allowed against this resource.", 405};
        case bucket::Why::no_such_upload:
            return {"NoSuchUpload",
                    "The specified upload does not exist. The upload ID may be invalid, or the "
                    "upload may have been aborted or completed.",
                    404};
        case bucket::Why::no_such_part:
            return {"InvalidPart",
                    "One or more of the specified parts could not be found.  The part may not have "
                    "been uploaded, or the specified entity tag may not match the part's entity "
                    "tag.",
                    400};
        case bucket::Why::wrong_part_order:
            return {"InvalidPartOrder",
                    "The list of parts was not in ascending order. Parts must be ordered by part "
                    "number.",
                    400};
        case bucket::Why::part_too_small:
            return {"EntityTooSmall",
                    "Your proposed upload is smaller than the minimum allowed size", 400};
        case bucket::Why::condition_failed:
            return {"PreconditionFailed",
                    "At least one of the pre-conditions you specified did not hold", 412};
        case bucket::Why::not_archived:
            return {"InvalidObjectState",
                    "Restore is not allowed for the object's current storage class", 403};
        case bucket::Why::is_coming_back:
            return {"RestoreAlreadyInProgress", "Object restore is already in progress", 409};
    }
    return {"InternalError", "", 500};
}

namespace {

/// The one condition that the request sets; "" when there are several, of which any may have
/// failed.
std::string only_condition(const Operation& operation) {
    std::string found;
    for (const char* name :
         {"If-Match", "If-None-Match", "If-Unmodified-Since", "x-amz-copy-source-If-Match",
          "x-amz-copy-source-If-None-Match", "x-amz-copy-source-If-Modified-Since",
          "x-amz-copy-source-If-Unmodified-Since"}) {
        if (!operation.request.header(http::lower_case(name))) continue;
        if (!found.empty()) return {};
        found = name;
    }
    return found;
}

/// What S3 says beside the code: of which thing it speaks.
Details details_of(const Operation& operation, const std::string& code) {
    constexpr std::array about_buckets = {
        "NoSuchBucket",      "BucketAlreadyExists",          "BucketAlreadyOwnedByYou",
        "BucketNotEmpty",    "NoSuchLifecycleConfiguration", "NoSuchCORSConfiguration",
        "NoSuchTagSet",      "NoSuchBucketPolicy",           "NoSuchPublicAccessBlockConfiguration",
        "InvalidBucketName", "NoSuchWebsiteConfiguration"};
    const std::string& method = operation.request.method;
    // A copy's fault may be about what it copies from.
    const bool is_copy = operation.request.header("x-amz-copy-source").has_value();
    if (!is_copy &&
        std::find(about_buckets.begin(), about_buckets.end(), code) != about_buckets.end())
        return {{"BucketName", operation.bucket}};
    if (!is_copy && code == "NoSuchKey") return {{"Key", operation.key}};
    if (!is_copy && code == "NoSuchVersion")
        return {{"Key", operation.key}, {"VersionId", operation.version()}};
    if (code == "NoSuchUpload") return {{"UploadId", operation.query("uploadId")}};
    if (code == "InvalidDigest") return {{"Content-MD5", operation.header("content-md5")}};
    if (code == "InvalidStorageClass")
        return {{"StorageClassRequested", operation.header("x-amz-storage-class")}};
    if (code == "PreconditionFailed") return {{"Condition", only_condition(operation)}};
    if (code == "MethodNotAllowed") {
        // Of a key every other method is known.
        const bool is_marker = !operation.key.empty() && method != "POST";
        return {{"Method", method},
                {"ResourceType", is_marker                   ? "DeleteMarker"
                                 : !operation.key.empty()    ? "OBJECT"
                                 : !operation.bucket.empty() ? "BUCKET"
                                                             : "SERVICE"}};
    }
    return {};
}

/// Sub-resources that S3 has and this server hasn't. Read over, a PUT of one would make a bucket or
/// put its document in the place of the object.
constexpr std::string_view absent_of_buckets[] = {
    "analytics",     "inventory", "metrics", "intelligent-tiering", "metadataConfiguration",
    "metadataTable", "session",   "abac"};
constexpr std::string_view absent_of_keys[] = {"retention", "legal-hold", "torrent",
                                               "select",    "encryption", "renameObject"};

}  // namespace

Outcome<void> refuse_absent(const Operation& operation) {
    const auto absent = [](std::string_view what) {
        return refuse_about({{"Header", std::string(what)}}, "NotImplemented",
                            "A header you provided implies functionality that is not implemented",
                            501);
    };
    const auto is_asked = [&](std::string_view name) { return operation.has(name); };
    if (operation.key.empty()) {
        const auto* const found =
            std::find_if(std::begin(absent_of_buckets), std::end(absent_of_buckets), is_asked);
        if (found != std::end(absent_of_buckets)) return absent(*found);
    } else {
        const auto* const found =
            std::find_if(std::begin(absent_of_keys), std::end(absent_of_keys), is_asked);
        if (found != std::end(absent_of_keys)) return absent(*found);
    }
    // Whoever sends a key, or wants bytes locked, must not think that it was done. AES256 alone is
    // taken: its answer doesn't say that it was.
    for (const char* const name :
         {"x-amz-server-side-encryption-customer-algorithm",
          "x-amz-server-side-encryption-customer-key",
          "x-amz-copy-source-server-side-encryption-customer-algorithm",
          "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-object-lock-mode",
          "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold"})
        if (!operation.header(name).empty()) return absent(name);
    if (operation.header("x-amz-server-side-encryption").starts_with("aws:"))
        return absent("x-amz-server-side-encryption");
    if (http::equal_ignoring_case(operation.header("x-amz-bucket-object-lock-enabled"), "true"))
        return absent("x-amz-bucket-object-lock-enabled");
    return {};
}

http::Response fault_answer(const Operation& operation, const Fault& fault) {
    http::Response response = fault_response(operation.request, fault);
    const std::size_t at = response.body.find("<RequestId>");
    if (at == std::string::npos) return response;
    std::string told;
    for (const auto& [name, value] :
         fault.details.empty() ? details_of(operation, fault.type) : fault.details)
        if (!value.empty()) told += fmt::format("<{0}>{1}</{0}>", name, aws::xml_escape(value));
    response.body.insert(at, told);
    return response;
}

http::Response fault_response(const http::Request& request, const Fault& fault) {
    http::Response response;
    response.status = fault.status;
    response.headers = {{"Content-Type", "application/xml"},
                        {"x-amz-request-id", request.id},
                        {"x-amz-id-2", aws::base64(request.id + "/stroma")}};
    if (request.method == "HEAD" || fault.status == 304) return response;
    response.body = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>"
        "<RequestId>{}</RequestId><HostId>stroma</HostId></Error>",
        fault.type, aws::xml_escape(fault.message), request.id);
    return response;
}

http::Response server_error(int status, std::string_view message, std::string_view request_id) {
    http::Request request;
    request.id = request_id;
    const char* const code = status == 404   ? "NoSuchKey"
                             : status == 405 ? "MethodNotAllowed"
                             : status == 408 ? "RequestTimeout"
                             : status == 411 ? "MissingContentLength"
                             : status == 413 ? "EntityTooLarge"
                             : status == 414 ? "KeyTooLongError"
                             : status == 501 ? "NotImplemented"
                             : status == 503 ? "SlowDown"
                             : status >= 500 ? "InternalError"
                                             : "InvalidRequest";
    return fault_response(request, {code, std::string(message), status});
}

}  // namespace stroma::front::s3
