#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "front/aws/port.h"
#include "front/s3/s3.h"

// What the files of this folder share. Private to it.

namespace stroma::front::s3 {

template <class T>
using Outcome = aws::Outcome<T>;
using aws::Fault;
using aws::refuse;
using Answer = Outcome<http::Response>;

/// One request of S3.
struct Operation {
    http::Request& request;
    const aws::Signed& signature;
    bucket::Buckets& buckets;
    catalog::Catalog& catalog;
    const Clock& clock;
    const S3Options& options;
    std::string bucket, key;    ///< "" where the request names none
    bucket::Bucket about = {};  ///< the bucket, once it was found

    std::string query(std::string_view name) const {
        return request.query_value(name).value_or("");
    }
    bool has(std::string_view name) const { return request.query_value(name).has_value(); }
    std::string header(std::string_view name) const { return request.header(name).value_or(""); }
    bucket::Cause cause() const { return {signature.principal.id, request.client, request.id}; }
    /// The version asked for; "" is the latest.
    std::string version() const { return query("versionId"); }
};

/// Whether the sender may: the bucket's owner and administrators may all but what its policy
/// denies, others what it allows. errors  AccessDenied
Outcome<void> allow(Operation& operation, std::string_view action);
Outcome<void> allow_on(Operation& operation, const bucket::Bucket& bucket, std::string_view key,
                       std::string_view action);
/// Finds the bucket, then allow(). errors  NoSuchBucket
Outcome<void> enter(Operation& operation, std::string_view action);
/// Whether the policy allows something to everybody, on no condition.
bool policy_is_public(const std::string& policy);
/// What a request asks for by its headers or its query and isn't here: said, not read over.
/// errors  NotImplemented
Outcome<void> refuse_absent(const Operation& operation);
/// errors  MalformedPolicy
Outcome<void> check_policy(std::string_view document, std::string_view bucket);

using Details = std::vector<std::pair<std::string, std::string>>;
/// A refusal that names what it is about.
inline tl::unexpected<Fault> refuse_about(Details details, std::string type, std::string message,
                                          int status = 400) {
    Fault fault{std::move(type), std::move(message), status};
    fault.details = std::move(details);
    return tl::unexpected<Fault>(std::move(fault));
}
Fault fault_of(const bucket::Refusal& refusal);
Fault fault_of(const Error& error);
/// A fault as S3 writes it, with what it names beside the code.
http::Response fault_answer(const Operation& operation, const Fault& fault);
inline tl::unexpected<Fault> refused(const bucket::Refusal& refusal) {
    return tl::unexpected<Fault>(fault_of(refusal));
}
inline tl::unexpected<Fault> refused(const Error& error) {
    return tl::unexpected<Fault>(fault_of(error));
}

// Operations, by noun
Answer list_buckets(Operation& operation);
Answer create_bucket(Operation& operation);
Answer delete_bucket(Operation& operation);
Answer head_bucket(Operation& operation);
Answer list_objects(Operation& operation);
Answer list_versions(Operation& operation);
Answer list_uploads(Operation& operation);
Answer get_setting(Operation& operation);
Answer put_setting(Operation& operation);
Answer delete_setting(Operation& operation);
bool names_setting(const Operation& operation);
Answer preflight(Operation& operation);
/// Adds what a browser of another origin needs, where the bucket's rules let it in.
void add_cors(Operation& operation, http::Response& response);
Answer put_object(Operation& operation);
/// A browser's form with a file in it.
Answer post_object(Operation& operation);
Answer restore_object(Operation& operation);
Answer copy_object(Operation& operation);
Answer get_object(Operation& operation);
Answer delete_object(Operation& operation);
Answer delete_objects(Operation& operation);
Answer object_tagging(Operation& operation);
Answer object_attributes(Operation& operation);
Answer begin_upload(Operation& operation);
Answer put_part(Operation& operation);
Answer copy_part(Operation& operation);
Answer list_parts(Operation& operation);
Answer complete_upload(Operation& operation);
Answer abort_upload(Operation& operation);

}  // namespace stroma::front::s3

/// The value of an Outcome, or an early return of its fault (or of an Error, a Refusal).
#define S3_TRY(expression)                                                           \
    __extension__({                                                                  \
        auto s3_result = (expression);                                               \
        if (!s3_result) return ::stroma::front::s3::refused_with(s3_result.error()); \
        std::move(s3_result);                                                        \
    })

namespace stroma::front::s3 {
inline tl::unexpected<Fault> refused_with(const Fault& fault) {
    return tl::unexpected<Fault>(fault);
}
inline tl::unexpected<Fault> refused_with(const Error& error) { return refused(error); }
inline tl::unexpected<Fault> refused_with(const bucket::Refusal& refusal) {
    return refused(refusal);
}
}  // namespace stroma::front::s3
