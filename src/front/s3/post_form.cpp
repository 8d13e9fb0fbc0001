#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "front/aws/answer.h"
#include "front/http/url.h"
#include "front/s3/acl.h"
#include "front/s3/attributes.h"
#include "front/s3/form_reader.h"
#include "front/s3/intake.h"
#include "front/s3/kept_body.h"
#include "front/s3/xml.h"

// A browser's form with a file in it: signed by its policy, or by nobody.

namespace stroma::front::s3 {
namespace {

struct SizeRange {
    std::uint64_t least = 0, most = UINT64_MAX;
};

tl::unexpected<Fault> bad_policy(std::string why) {
    return refuse("InvalidPolicyDocument", "Invalid Policy: " + std::move(why));
}

tl::unexpected<Fault> condition_failed(const std::string& condition) {
    return refuse("AccessDenied",
                  "Invalid according to Policy: Policy Condition failed: " + condition, 403);
}

/// The fields of a form against its policy: each condition must hold, and each field be named.
class PolicyCheck {
public:
    PolicyCheck(const Operation& operation, const FormReader& form, const std::string& key)
        : operation_(operation), form_(form), key_(key) {}

    Outcome<SizeRange> check(const std::string& document) {
        const auto policy = parse_json(document);
        if (!policy || !policy->is_object()) return bad_policy("Invalid JSON.");
        const Json expiration = policy->value("expiration", Json());
        if (!expiration.is_string()) return bad_policy("Policy missing expiration.");
        std::tm time{};
        const std::string text = expiration.get<std::string>();
        const char* const rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
        if (rest == nullptr || (*rest != '.' && *rest != 'Z'))
            return bad_policy("Invalid 'expiration' value: '" + text + "'");
        if (static_cast<std::int64_t>(timegm(&time)) * 1000 < operation_.clock.unix_ms())
            return refuse("AccessDenied", "Invalid according to Policy: Policy expired.", 403);
        const Json conditions = policy->value("conditions", Json());
        if (!conditions.is_array() || conditions.empty())
            return bad_policy("Policy missing conditions.");
        for (const Json& condition : conditions) S3_TRY(check_condition(condition));
        for (const auto& [name, value] : form_.fields()) S3_TRY(check_named(name));
        return range_;
    }

private:
    Outcome<void> check_condition(const Json& condition) {
        if (condition.is_object()) {
            if (condition.size() != 1)
                return bad_policy(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property "
                    "specified.");
            for (const auto& [name, value] : condition.items()) {
                if (!value.is_string()) return bad_policy("Invalid Simple-Condition.");
                S3_TRY(check_equal(name, value.get<std::string>()));
            }
            return {};
        }
        if (!condition.is_array() || condition.size() != 3 || !condition[0].is_string())
            return bad_policy("Invalid Condition.");
        const std::string kind = http::lower_case(condition[0].get<std::string>());
        if (kind == "content-length-range") return read_range(condition);
        if (!condition[1].is_string() || !condition[2].is_string())
            return bad_policy("Invalid Condition.");
        std::string name = condition[1].get<std::string>();
        const std::string wanted = condition[2].get<std::string>();
        // A name without '$' is nobody's: nothing fits.
        if (!name.starts_with('$'))
            return condition_failed(fmt::format("[\"{}\", \"{}\", \"{}\"]", kind, name, wanted));
        name.erase(0, 1);
        if (kind == "eq") return check_equal(name, wanted);
        if (kind != "starts-with") return bad_policy("unknown operation '" + kind + "'.");
        if (!take(name).starts_with(wanted))
            return condition_failed(
                fmt::format("[\"starts-with\", \"${}\", \"{}\"]", name, wanted));
        return {};
    }

    Outcome<void> check_equal(const std::string& name, const std::string& wanted) {
        if (take(name) == wanted) return {};
        return condition_failed(fmt::format("[\"eq\", \"${}\", \"{}\"]", name, wanted));
    }

    Outcome<void> read_range(const Json& condition) {
        const auto number = [&](const Json& value) -> std::optional<std::uint64_t> {
            if (value.is_number_unsigned()) return value.get<std::uint64_t>();
            if (!value.is_string()) return std::nullopt;
            const std::string text = value.get<std::string>();
            if (text.empty() || text.size() > 18 ||
                text.find_first_not_of("0123456789") != text.npos)
                return std::nullopt;
            return std::stoull(text);
        };
        const auto least = number(condition[1]), most = number(condition[2]);
        const auto shown = [](const Json& value) {
            return value.is_string() ? value.get<std::string>() : value.dump();
        };
        if (!least || !most)
            return condition_failed(fmt::format("[\"content-length-range\", \"{}\", \"{}\"]",
                                                shown(condition[1]), shown(condition[2])));
        range_ = {*least, *most};
        return {};
    }

    /// A field's value; it is named by a condition now.
    std::string take(const std::string& name) {
        named_.push_back(http::lower_case(name));
        if (named_.back() == "bucket") return operation_.bucket;
        return named_.back() == "key" ? key_ : form_.field(named_.back());
    }

    Outcome<void> check_named(const std::string& name) const {
        for (const std::string_view free :
             {"x-amz-signature", "signature", "policy", "awsaccesskeyid", "file", "x-amz-algorithm",
              "x-amz-credential", "x-amz-date", "x-amz-security-token"})
            if (name == free) return {};
        if (name.starts_with("x-ignore-") || name.starts_with("x-amz-checksum-")) return {};
        if (std::find(named_.begin(), named_.end(), name) != named_.end()) return {};
        return refuse("AccessDenied", "Invalid according to Policy: Extra input fields: " + name,
                      403);
    }

    const Operation& operation_;
    const FormReader& form_;
    const std::string& key_;
    std::vector<std::string> named_;
    SizeRange range_;
};

/// Who signed the form's policy becomes the sender. Gives the policy; "" of an unsigned form.
Outcome<std::string> read_sender(const Operation& operation, const FormReader& form,
                                 catalog::Principal& sender) {
    const auto value_of = [&](std::string_view name) { return form.field(name); };
    const bool is_signed =
        std::any_of(form.fields().begin(), form.fields().end(), [](const auto& field) {
            return field.first == "policy" || field.first == "signature" ||
                   field.first == "x-amz-signature" || field.first == "awsaccesskeyid";
        });
    if (!is_signed) return std::string();
    const std::string policy = form.field("policy");
    if (sender.role == catalog::Role::anonymous) {
        const auto claim = aws::read_form_claim(value_of);
        if (!claim) return refuse("InvalidArgument", claim.error().detail);
        std::optional<aws::KnownKey> key;
        if (operation.options.find_key) key = *S3_TRY(operation.options.find_key(claim->key_id));
        if (!key || key->principal.disabled)
            return refuse(aws::rest_fault({aws::Distrust::Why::unknown_key, ""}));
        const auto checked = aws::check_form_claim(*claim, *key, policy, operation.clock.unix_ms());
        if (!checked) return refuse(aws::rest_fault(checked.error()));
        sender = key->principal;
        sender.asking = {"key", claim->key_id, operation.request.client,
                         "POST " + operation.request.path, operation.request.id};
    }
    std::string document;
    if (!aws::base64_decode(policy, document) || document.empty())
        return bad_policy("it isn't base64.");
    return document;
}

/// The form's fields as the headers that a put would have.
void fields_to_headers(const FormReader& form, http::Request& request) {
    std::erase_if(request.headers, [](const auto& header) {
        return header.first == "content-type" || header.first.starts_with("x-amz-");
    });
    for (const auto& [name, value] : form.fields()) {
        const bool is_header =
            name.starts_with("x-amz-meta-") || name.starts_with("x-amz-checksum-") ||
            name == "x-amz-storage-class" || name == "cache-control" || name == "content-type" ||
            name == "content-disposition" || name == "content-encoding" || name == "expires" ||
            name == "x-amz-website-redirect-location";
        if (is_header) request.headers.emplace_back(name, value);
        if (name == "acl") request.headers.emplace_back("x-amz-acl", value);
    }
}

Outcome<std::string> tags_of_form(const FormReader& form) {
    const std::string text = form.field("tagging");
    if (text.empty()) return std::string();
    const auto document = read_xml(text);
    const Element* const set = document ? document->child("TagSet") : nullptr;
    if (set == nullptr)
        return refuse("MalformedXML",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    std::vector<std::pair<std::string, std::string>> tags;
    for (const Element* const tag : set->all("Tag"))
        tags.emplace_back(tag->text_of("Key"), tag->text_of("Value"));
    S3_TRY(check_tags(tags));
    return tags_text(tags);
}

/// Reads on until the file begins, or until there are bytes of it.
Outcome<void> read_on(Operation& operation, FormReader& form, Bytes& file) {
    const auto piece = operation.request.body->read();
    if (!piece) return refuse("IncompleteBody", piece.error().message);
    if (piece->empty())
        return refuse("MalformedPOSTRequest",
                      "The body of your POST request is not well-formed multipart/form-data.");
    const auto fed = form.feed(as_text(*piece), file);
    if (!fed && fed.error().code == ErrorCode::exhausted)
        return refuse("MaxPostPreDataLengthExceededError",
                      "Your POST request fields preceding the upload file were too large.");
    if (!fed) return refuse("MalformedPOSTRequest", fed.error().message);
    return {};
}

Outcome<Taken> take_file(Operation& operation, FormReader& form, Bytes first,
                         const SizeRange& range) {
    KeptBody::Sums sums;
    std::string wanted;
    for (const ChecksumKind kind :
         {ChecksumKind::crc32, ChecksumKind::crc32c, ChecksumKind::crc64nvme, ChecksumKind::sha1,
          ChecksumKind::sha256})
        if (const std::string value = form.field(header_of(kind)); !value.empty()) {
            sums.checksum = kind;
            wanted = value;
        }
    if (!sums.checksum) sums.checksum = ChecksumKind::crc64nvme;
    KeptBody kept(operation.buckets, sums, KeptBody::Keeps::by_size);
    Bytes bytes = std::move(first);
    for (;;) {
        if (!bytes.empty()) S3_TRY(kept.write(std::exchange(bytes, Bytes())));
        if (kept.size() > range.most)
            return refuse_about({{"ProposedSize", std::to_string(kept.size())},
                                 {"MaxSizeAllowed", std::to_string(range.most)}},
                                "EntityTooLarge",
                                "Your proposed upload exceeds the maximum allowed size");
        if (form.whole()) break;
        S3_TRY(read_on(operation, form, bytes));
    }
    if (kept.size() < range.least)
        return refuse_about({{"ProposedSize", std::to_string(kept.size())},
                             {"MinSizeAllowed", std::to_string(range.least)}},
                            "EntityTooSmall",
                            "Your proposed upload is smaller than the minimum allowed size");
    Taken taken;
    taken.size = kept.size();
    taken.md5 = to_hex(kept.md5());
    taken.checksum_kind = sums.checksum;
    taken.checksum = kept.checksum();
    if (!wanted.empty() && wanted != taken.checksum)
        return refuse("BadDigest", "The checksum you specified did not match the calculated one.");
    taken.body = *S3_TRY(kept.finish());
    return taken;
}

http::Response answer_form(const Operation& operation, const FormReader& form,
                           const bucket::ObjectVersion& made) {
    http::Response response;
    response.headers = {{"ETag", "\"" + made.etag + "\""}};
    add_checksum(Attributes::of(made.attributes), response);
    if (operation.about.versioning == "Enabled")
        response.headers.emplace_back("x-amz-version-id", made.version);
    const std::string location =
        fmt::format("{}://{}/{}/{}", operation.request.secure ? "https" : "http",
                    operation.header("host"), operation.bucket, http::percent_encode(made.key));
    response.headers.emplace_back("Location", location);
    std::string redirect = form.field("success_action_redirect");
    if (redirect.empty()) redirect = form.field("redirect");
    const bool is_address = redirect.starts_with("http://") || redirect.starts_with("https://");
    if (is_address && redirect.find_first_of("\r\n") == redirect.npos) {
        response.status = 303;
        response.headers.back().second = fmt::format(
            "{}{}bucket={}&key={}&etag=%22{}%22", redirect,
            redirect.find('?') == redirect.npos ? '?' : '&', http::percent_encode(operation.bucket),
            http::percent_encode(made.key), made.etag);
        return response;
    }
    const std::string status = form.field("success_action_status");
    response.status = status == "200" ? 200 : status == "201" ? 201 : 204;
    if (response.status != 201) return response;
    XmlWriter xml;
    xml.open("PostResponse")
        .put("Location", location)
        .put("Bucket", operation.bucket)
        .put("Key", made.key)
        .put("ETag", "\"" + made.etag + "\"");
    http::Response created =
        xml_response(std::move(xml.close("PostResponse")).document(), response.status);
    created.headers.insert(created.headers.end(), response.headers.begin(), response.headers.end());
    return created;
}

}  // namespace

Answer post_object(Operation& operation) {
    const std::string boundary = form_boundary(operation.header("content-type"));
    if (boundary.empty())
        return refuse_about(
            {{"Condition", "Bucket POST must be of the enclosure-type multipart/form-data"}},
            "PreconditionFailed", "At least one of the pre-conditions you specified did not hold",
            412);
    FormReader form(boundary);
    Bytes file;
    while (!form.at_file()) S3_TRY(read_on(operation, form, file));
    if (form.field("key").empty())
        return refuse("InvalidArgument",
                      "Bucket POST must contain a field named 'key'.  If it is "
                      "specified, please check the order of the fields.");
    operation.key = form.field("key");
    if (const std::size_t at = operation.key.find("${filename}"); at != operation.key.npos)
        operation.key.replace(at, 11, form.file_name());
    if (operation.key.size() > object::key_bytes_max)
        return refuse("KeyTooLongError", "Your key is too long");
    aws::Signed signature = operation.signature;
    const std::string policy = *S3_TRY(read_sender(operation, form, signature.principal));
    http::Request& request = operation.request;
    request.principal = signature.principal;
    SizeRange range;
    if (!policy.empty()) range = *S3_TRY(PolicyCheck(operation, form, operation.key).check(policy));
    fields_to_headers(form, request);
    Operation signed_operation{request,           signature,       operation.buckets,
                               operation.catalog, operation.clock, operation.options,
                               operation.bucket,  operation.key};
    S3_TRY(enter(signed_operation, "s3:PutObject"));
    Attributes attributes = *S3_TRY(asked_attributes(signed_operation));
    bucket::NewObject object;
    object.kind = bucket::ChangeKind::posted;
    object.tags = *S3_TRY(tags_of_form(form));
    object.storage_class = *S3_TRY(asked_storage_class(signed_operation));
    attributes.acl = *S3_TRY(asked_acl_text(signed_operation));
    Taken taken = *S3_TRY(take_file(signed_operation, form, std::move(file), range));
    const auto made =
        *S3_TRY(keep_taken(signed_operation, std::move(taken), attributes, std::move(object)));
    return answer_form(signed_operation, form, made);
}

}  // namespace stroma::front::s3
