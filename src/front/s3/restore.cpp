#include <fmt/format.h>

#include "front/s3/attributes.h"
#include "front/s3/intake.h"
#include "front/s3/xml.h"

// Objects in an archive: asked back, and what is told of it.

namespace stroma::front::s3 {

void add_tier(const bucket::ObjectVersion& object, std::int64_t now_ms, http::Response& response) {
    if (object.storage_class != "STANDARD")
        response.headers.emplace_back("x-amz-storage-class", object.storage_class);
    if (object.is_coming_back)
        response.headers.emplace_back("x-amz-restore", "ongoing-request=\"true\"");
    else if (object.restored_until_ms > now_ms)
        response.headers.emplace_back("x-amz-restore",
                                      fmt::format("ongoing-request=\"false\", expiry-date=\"{}\"",
                                                  http_date(object.restored_until_ms)));
}

Outcome<void> check_readable(const bucket::ObjectVersion& object, std::int64_t now_ms) {
    if (!bucket::is_archive(object.storage_class) || object.restored_until_ms > now_ms) return {};
    return refuse_about({{"StorageClass", object.storage_class}}, "InvalidObjectState",
                        "The operation is not valid for the object's storage class", 403);
}

Answer restore_object(Operation& operation) {
    S3_TRY(enter(operation, "s3:RestoreObject"));
    const std::string text = *S3_TRY(document_body(operation));
    const auto document = read_xml(text);
    const std::string asked = document ? document->text_of("Days") : "";
    const long days = asked.size() > 5 ? 0 : std::strtol(asked.c_str(), nullptr, 10);
    if (!document || document->name != "RestoreRequest" || days < 1)
        return refuse("MalformedXML",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    const auto object =
        *S3_TRY(operation.buckets.get(operation.bucket, operation.key, operation.version(), false));
    const bool is_there =
        *S3_TRY(operation.buckets.restore(object, static_cast<int>(days), operation.cause()));
    if (!is_there && operation.options.tiers_wake) operation.options.tiers_wake();
    http::Response response;
    response.status = is_there ? 200 : 202;
    return response;
}

}  // namespace stroma::front::s3
