#include <fmt/format.h>

#include "front/http/url.h"
#include "front/s3/acl.h"
#include "front/s3/attributes.h"
#include "front/s3/intake.h"
#include "front/s3/operation.h"
#include "front/s3/xml.h"

// Buckets themselves, and lists of what is in them.

namespace stroma::front::s3 {
namespace {

constexpr std::size_t list_keys_max = 1000;

/// Percent-encoded where the client asked for it; slashes stay.
std::string shown(const std::string& key, bool is_encoded) {
    return is_encoded ? encoded_path(key) : key;
}

Outcome<std::size_t> asked_limit(const Operation& operation, const char* name) {
    const std::string text = operation.query(name);
    if (text.empty()) return list_keys_max;
    if (text.size() > 10 || text.find_first_not_of("0123456789") != text.npos)
        return refuse("InvalidArgument",
                      fmt::format("Argument {} must be an integer between 0 and 2147483647", name));
    return std::min<std::size_t>(std::stoull(text), list_keys_max);
}

Outcome<bool> asked_encoding(const Operation& operation) {
    if (!operation.has("encoding-type")) return false;
    if (operation.query("encoding-type") == "url") return true;
    return refuse("InvalidArgument", "Invalid Encoding Method specified in Request");
}

std::string token_of(const std::string& key) { return aws::base64("1" + key); }
Outcome<std::string> key_of_token(const std::string& token) {
    std::string text;
    if (!aws::base64_decode(token, text) || !text.starts_with('1'))
        return refuse("InvalidArgument", "The continuation token provided is incorrect");
    return text.substr(1);
}

std::string arn_of(const std::string& bucket) { return "arn:aws:s3:::" + bucket; }

void put_owner(XmlWriter& xml, const std::string& owner) {
    xml.open("Owner").put("ID", owner).put("DisplayName", owner).close("Owner");
}

void put_checksum_kind(XmlWriter& xml, const bucket::ObjectVersion& object) {
    const Attributes attributes = Attributes::of(object.attributes);
    if (!attributes.checksum.empty())
        xml.put("ChecksumAlgorithm", attributes.checksum_kind)
            .put("ChecksumType", attributes.checksum_type);
}

void put_contents(XmlWriter& xml, const bucket::ObjectVersion& object, bool is_encoded,
                  bool with_owner) {
    xml.open("Contents")
        .put("Key", shown(object.key, is_encoded))
        .put("LastModified", document_time(object.modified_ms))
        .put("ETag", "\"" + object.etag + "\"");
    put_checksum_kind(xml, object);
    xml.put("Size", object.size);
    if (with_owner) put_owner(xml, object.owner);
    xml.put("StorageClass", object.storage_class).close("Contents");
}

void put_prefixes(XmlWriter& xml, const std::vector<std::string>& prefixes, bool is_encoded) {
    for (const std::string& prefix : prefixes)
        xml.open("CommonPrefixes").put("Prefix", shown(prefix, is_encoded)).close("CommonPrefixes");
}

/// The region that a new bucket is asked to lie in; "" where none is named. It is a name only:
/// there is one place. errors  InvalidLocationConstraint, IllegalLocationConstraintException,
/// MalformedXML
Outcome<std::string> asked_location(Operation& operation) {
    const std::string text = *S3_TRY(document_body(operation));
    if (text.find_first_not_of(" \t\r\n") == text.npos) return std::string();
    const auto document = read_xml(text);
    if (!document || document->name != "CreateBucketConfiguration")
        return refuse("MalformedXML",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    std::string location = document->text_of("LocationConstraint");
    if (location.empty()) return location;
    const std::string& asked_at = operation.signature.region;
    const auto is_region = [](std::string_view name) {  // "ap-southeast-2"
        return name.size() > 6 && name[2] == '-' && name[name.size() - 2] == '-' &&
               name.back() >= '1' && name.back() <= '9' &&
               name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-123456789") == name.npos;
    };
    if (asked_at == "us-east-1") {
        if (location == "EU" || (location != asked_at && is_region(location))) return location;
        return refuse_about({{"LocationConstraint", location}}, "InvalidLocationConstraint",
                            "The specified location-constraint is not valid");
    }
    if (location == asked_at || (location == "EU" && asked_at == "eu-west-1")) return location;
    return refuse("IllegalLocationConstraintException",
                  fmt::format("The {} location constraint is incompatible for the region specific "
                              "endpoint this request was sent to.",
                              location));
}

constexpr std::string_view list_result =
    "ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

}  // namespace

Answer list_buckets(Operation& operation) {
    const catalog::Principal& principal = operation.signature.principal;
    if (principal.role == catalog::Role::anonymous)
        return refuse("AccessDenied", "Access Denied", 403);
    const std::string most = operation.query("max-buckets"), prefix = operation.query("prefix");
    const std::string token = operation.query("continuation-token");
    if (!most.empty() && (most.size() > 5 || most.find_first_not_of("0123456789") != most.npos ||
                          std::stoul(most) < 1 || std::stoul(most) > 10'000))
        return refuse("InvalidArgument",
                      "Argument max-buckets must be an integer between 1 and 10000");
    const std::size_t limit = most.empty() ? SIZE_MAX : std::stoul(most);
    const std::string after = token.empty() ? "" : *S3_TRY(key_of_token(token));
    XmlWriter xml;
    xml.open("ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    put_owner(xml, principal.id);
    xml.open("Buckets");
    std::size_t listed = 0;
    std::string last, next;
    const auto buckets = *S3_TRY(operation.buckets.all());
    for (const bucket::Bucket& one : buckets) {
        if (principal.role != catalog::Role::administrator && one.owner != principal.id) continue;
        if (!one.name.starts_with(prefix) || (!after.empty() && one.name <= after)) continue;
        if (listed == limit) {
            next = token_of(last);
            break;
        }
        ++listed;
        last = one.name;
        xml.open("Bucket")
            .put("Name", one.name)
            .put("CreationDate", document_time(one.created_ms))
            .put("BucketArn", arn_of(one.name))
            .put("BucketRegion", one.region)
            .close("Bucket");
    }
    xml.close("Buckets");
    if (!next.empty()) xml.put("ContinuationToken", next);
    if (!prefix.empty()) xml.put("Prefix", prefix);
    return xml_response(std::move(xml.close("ListAllMyBucketsResult")).document());
}

Answer create_bucket(Operation& operation) {
    const catalog::Principal& principal = operation.signature.principal;
    if (!bucket::is_bucket_name(operation.bucket))
        return refuse("InvalidBucketName", "The specified bucket is not valid.");
    const std::string location = *S3_TRY(asked_location(operation));
    const std::string region = location.empty()   ? operation.signature.region
                               : location == "EU" ? "eu-west-1"
                                                  : location;
    const auto acl = *S3_TRY(asked_acl(operation, principal.id, principal.id));
    const catalog::Thing thing{.kind = catalog::ThingKind::bucket, .id = "", .owner = principal.id};
    if (!*S3_TRY(operation.catalog.decide(principal, catalog::Action::create, thing)))
        return refuse("AccessDenied", "Access Denied", 403);
    const auto made = operation.buckets.create({operation.bucket, principal.id, region, 0, ""});
    if (!made) {
        const auto there = operation.buckets.find(operation.bucket);
        const bool is_own = there && there->owner == principal.id;
        if (made.error().why != bucket::Why::bucket_exists || !is_own) return refused(made.error());
        // As us-east-1 does: making it again changes nothing.
        if (operation.signature.region != "us-east-1")
            return refuse("BucketAlreadyOwnedByYou",
                          "Your previous request to create the named bucket succeeded and you "
                          "already own it.",
                          409);
    }
    if (made && location == "EU")
        S3_TRY(operation.buckets.set_setting(operation.bucket, "location", location));
    if (made && acl) S3_TRY(operation.buckets.set_setting(operation.bucket, "acl", acl_text(*acl)));
    http::Response response;
    response.headers.emplace_back("Location", "/" + operation.bucket);
    response.headers.emplace_back("x-amz-bucket-arn", arn_of(operation.bucket));
    return response;
}

Answer delete_bucket(Operation& operation) {
    S3_TRY(enter(operation, "s3:DeleteBucket"));
    const catalog::Thing thing{
        .kind = catalog::ThingKind::bucket, .id = operation.bucket, .owner = operation.about.owner};
    S3_TRY(operation.catalog.decide(operation.signature.principal, catalog::Action::remove, thing));
    S3_TRY(operation.buckets.remove(operation.bucket));
    http::Response response;
    response.status = 204;
    return response;
}

Answer head_bucket(Operation& operation) {
    S3_TRY(enter(operation, "s3:ListBucket"));
    http::Response response;
    response.headers.emplace_back("Content-Type", "application/xml");
    response.headers.emplace_back("x-amz-bucket-arn", arn_of(operation.bucket));
    response.headers.emplace_back("x-amz-bucket-region", operation.about.region);
    return response;
}

Answer list_objects(Operation& operation) {
    S3_TRY(enter(operation, "s3:ListBucket"));
    const bool is_second = operation.query("list-type") == "2";
    const bool is_encoded = *S3_TRY(asked_encoding(operation));
    const std::string token = operation.query("continuation-token");
    const std::string marker = operation.query(is_second ? "start-after" : "marker");
    const std::string after = token.empty() ? marker : *S3_TRY(key_of_token(token));
    const auto limit = *S3_TRY(asked_limit(operation, "max-keys"));
    bucket::ListQuery query{operation.bucket,
                            operation.query("prefix"),
                            operation.query("delimiter"),
                            after,
                            "",
                            limit};
    const auto page = *S3_TRY(operation.buckets.list(query));
    XmlWriter xml;
    xml.open(list_result)
        .put("Name", operation.bucket)
        .put("Prefix", shown(query.prefix, is_encoded && is_second));
    if (is_second) {
        if (operation.has("continuation-token")) xml.put("ContinuationToken", token);
        if (!marker.empty()) xml.put("StartAfter", shown(marker, is_encoded));
        xml.put("KeyCount", page.objects.size() + page.common_prefixes.size());
    } else {
        xml.put("Marker", shown(marker, is_encoded));
    }
    xml.put("MaxKeys", query.limit);
    if (!query.delimiter.empty()) xml.put("Delimiter", shown(query.delimiter, is_encoded));
    if (is_encoded) xml.put("EncodingType", "url");
    xml.put("IsTruncated", page.is_cut ? "true" : "false");
    if (page.is_cut && is_second) xml.put("NextContinuationToken", token_of(page.next_key));
    if (page.is_cut && !is_second && !query.delimiter.empty())
        xml.put("NextMarker", shown(page.next_key, is_encoded));
    const bool with_owner = !is_second || operation.query("fetch-owner") == "true";
    for (const auto& object : page.objects) put_contents(xml, object, is_encoded, with_owner);
    put_prefixes(xml, page.common_prefixes, is_encoded);
    return xml_response(std::move(xml.close("ListBucketResult")).document());
}

Answer list_versions(Operation& operation) {
    S3_TRY(enter(operation, "s3:ListBucketVersions"));
    const bool is_encoded = *S3_TRY(asked_encoding(operation));
    const auto limit = *S3_TRY(asked_limit(operation, "max-keys"));
    const bucket::ListQuery query{operation.bucket,
                                  operation.query("prefix"),
                                  operation.query("delimiter"),
                                  operation.query("key-marker"),
                                  operation.query("version-id-marker"),
                                  limit};
    const auto page = *S3_TRY(operation.buckets.list_versions(query));
    XmlWriter xml;
    xml.open("ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        .put("Name", operation.bucket)
        .put("Prefix", shown(query.prefix, is_encoded))
        .put("KeyMarker", shown(query.after, is_encoded))
        .put("VersionIdMarker", query.after_version)
        .put("MaxKeys", query.limit);
    if (!query.delimiter.empty()) xml.put("Delimiter", shown(query.delimiter, is_encoded));
    if (is_encoded) xml.put("EncodingType", "url");
    xml.put("IsTruncated", page.is_cut ? "true" : "false");
    if (page.is_cut)
        xml.put("NextKeyMarker", shown(page.next_key, is_encoded))
            .put("NextVersionIdMarker", page.next_version);
    for (const auto& object : page.objects) {
        const char* const kind = object.is_marker ? "DeleteMarker" : "Version";
        xml.open(kind)
            .put("Key", shown(object.key, is_encoded))
            .put("VersionId", object.version)
            .put("IsLatest", object.is_latest ? "true" : "false")
            .put("LastModified", document_time(object.modified_ms));
        if (!object.is_marker) {
            xml.put("ETag", "\"" + object.etag + "\"");
            put_checksum_kind(xml, object);
            xml.put("Size", object.size).put("StorageClass", object.storage_class);
        }
        put_owner(xml, object.owner);
        xml.close(kind);
    }
    put_prefixes(xml, page.common_prefixes, is_encoded);
    return xml_response(std::move(xml.close("ListVersionsResult")).document());
}

Answer list_uploads(Operation& operation) {
    S3_TRY(enter(operation, "s3:ListBucketMultipartUploads"));
    const bool is_encoded = *S3_TRY(asked_encoding(operation));
    const std::size_t limit = *S3_TRY(asked_limit(operation, "max-uploads"));
    const std::string prefix = operation.query("prefix"), delimiter = operation.query("delimiter");
    auto uploads =
        *S3_TRY(operation.buckets.uploads(operation.bucket, prefix, operation.query("key-marker"),
                                          operation.query("upload-id-marker"), limit + 1));
    const bool is_cut = uploads.size() > limit;
    if (is_cut) uploads.resize(limit);
    XmlWriter xml;
    xml.open("ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        .put("Bucket", operation.bucket)
        .put("KeyMarker", shown(operation.query("key-marker"), is_encoded))
        .put("UploadIdMarker", operation.query("upload-id-marker"))
        .put("MaxUploads", limit)
        .put("IsTruncated", is_cut ? "true" : "false");
    if (operation.has("prefix")) xml.put("Prefix", shown(prefix, is_encoded));
    if (!delimiter.empty()) xml.put("Delimiter", shown(delimiter, is_encoded));
    if (is_encoded) xml.put("EncodingType", "url");
    // Without a delimiter S3 names the last one also when nothing follows it.
    const bool names_last = !uploads.empty() && (is_cut || delimiter.empty());
    xml.put("NextKeyMarker", names_last ? shown(uploads.back().key, is_encoded) : "")
        .put("NextUploadIdMarker", names_last ? uploads.back().id : "");
    std::vector<std::string> prefixes;
    for (const bucket::Upload& upload : uploads) {
        const std::size_t at =
            delimiter.empty() ? upload.key.npos : upload.key.find(delimiter, prefix.size());
        if (at != upload.key.npos) {
            const std::string common = upload.key.substr(0, at + delimiter.size());
            if (prefixes.empty() || prefixes.back() != common) prefixes.push_back(common);
            continue;
        }
        xml.open("Upload").put("Key", shown(upload.key, is_encoded)).put("UploadId", upload.id);
        xml.open("Initiator").put("ID", upload.owner).put("DisplayName", upload.owner);
        xml.close("Initiator");
        put_owner(xml, upload.owner);
        xml.put("StorageClass", "STANDARD")
            .put("Initiated", document_time(upload.started_ms))
            .close("Upload");
    }
    put_prefixes(xml, prefixes, is_encoded);
    return xml_response(std::move(xml.close("ListMultipartUploadsResult")).document());
}

}  // namespace stroma::front::s3
