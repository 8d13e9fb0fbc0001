#include <fmt/format.h>

#include "front/http/url.h"
#include "front/s3/acl.h"
#include "front/s3/operation.h"

// Which request is which operation.

namespace stroma::front::s3 {
namespace {

/// The bucket and the key of a request: of its host, or the path's first part.
void find_names(Operation& operation) {
    std::string_view path = operation.request.path;
    if (path.starts_with('/')) path.remove_prefix(1);
    if (!operation.signature.bucket_of_host.empty()) {
        operation.bucket = operation.signature.bucket_of_host;
        operation.key = path;
        return;
    }
    const std::size_t slash = path.find('/');
    operation.bucket = path.substr(0, slash);
    if (slash != path.npos) operation.key = path.substr(slash + 1);
}

tl::unexpected<Fault> wrong_method() {
    return refuse("MethodNotAllowed", "The specified method is not allowed against this resource.",
                  405);
}

Answer answer_for_bucket(Operation& operation) {
    const std::string& method = operation.request.method;
    if (method == "HEAD") return head_bucket(operation);
    if (method == "POST")
        return operation.has("delete") ? delete_objects(operation) : post_object(operation);
    if (operation.has("acl") && (method == "GET" || method == "PUT")) return bucket_acl(operation);
    if (names_setting(operation)) {
        if (method == "PUT") return put_setting(operation);
        if (method == "DELETE") return delete_setting(operation);
        if (method == "GET") return get_setting(operation);
    }
    if (method == "PUT") return create_bucket(operation);
    if (method == "DELETE") return delete_bucket(operation);
    if (method != "GET") return wrong_method();
    if (operation.has("uploads")) return list_uploads(operation);
    if (operation.has("versions")) return list_versions(operation);
    return list_objects(operation);
}

Answer answer_for_key(Operation& operation) {
    const std::string& method = operation.request.method;
    const bool is_part = operation.has("uploadId");
    const bool is_copy = operation.request.header("x-amz-copy-source").has_value();
    if (operation.has("tagging")) return object_tagging(operation);
    if (operation.has("acl") && (method == "GET" || method == "PUT")) return object_acl(operation);
    if (method == "PUT") {
        if (is_part) return is_copy ? copy_part(operation) : put_part(operation);
        return is_copy ? copy_object(operation) : put_object(operation);
    }
    if (method == "GET" && is_part) return list_parts(operation);
    if (method == "GET" && operation.has("attributes")) return object_attributes(operation);
    if (method == "GET" || method == "HEAD") return get_object(operation);
    if (method == "DELETE") return is_part ? abort_upload(operation) : delete_object(operation);
    if (method == "POST" && operation.has("uploads")) return begin_upload(operation);
    if (method == "POST" && is_part) return complete_upload(operation);
    if (method == "POST" && operation.has("restore")) return restore_object(operation);
    return wrong_method();
}

Answer answer_of(Operation& operation) {
    const std::string& method = operation.request.method;
    if (operation.bucket.empty())
        return method == "GET" ? list_buckets(operation) : Answer(wrong_method());
    if (method == "OPTIONS") return preflight(operation);
    if (operation.key.size() > object::key_bytes_max)
        return refuse("KeyTooLongError", "Your key is too long");
    S3_TRY(refuse_absent(operation));
    return operation.key.empty() ? answer_for_bucket(operation) : answer_for_key(operation);
}

}  // namespace

http::Response S3::answer(http::Request& request, const aws::Signed& signature) {
    Operation operation{request, signature, buckets_, catalog_, clock_, options_, {}, {}};
    find_names(operation);
    Answer answer = answer_of(operation);
    http::Response response = answer ? std::move(*answer) : fault_answer(operation, answer.error());
    if (answer && response.header("x-amz-request-id").empty()) {
        response.headers.emplace_back("x-amz-request-id", request.id);
        response.headers.emplace_back("x-amz-id-2", aws::base64(request.id + "/stroma"));
    }
    if (request.header("origin")) add_cors(operation, response);
    return response;
}

}  // namespace stroma::front::s3
