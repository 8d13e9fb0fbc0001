#include <fmt/format.h>

#include <algorithm>

#include "front/http/url.h"
#include "front/s3/attributes.h"
#include "front/s3/intake.h"
#include "front/s3/lifecycle.h"
#include "front/s3/xml.h"

// Single objects: put, copy, get, head, delete, tags.

namespace stroma::front::s3 {
namespace {

constexpr std::size_t piece_bytes_max = 256u << 10;
constexpr std::size_t copied_bytes = 1u << 20;
constexpr std::size_t deleted_at_once_max = 1000;

void add_version(const bucket::Bucket& bucket, const bucket::ObjectVersion& object,
                 http::Response& response) {
    if (!bucket.versioning.empty())
        response.headers.emplace_back("x-amz-version-id", object.version);
}

/// When the bucket's lifecycle will remove it.
Outcome<void> add_expiration(Operation& operation, const bucket::ObjectVersion& object,
                             http::Response& response) {
    const std::string rules = *S3_TRY(operation.buckets.setting(operation.bucket, "lifecycle"));
    if (std::string when = expiration_of(rules, object); !when.empty())
        response.headers.emplace_back("x-amz-expiration", std::move(when));
    return {};
}

/// What a Range header asks for of so many bytes; nothing where it asks for all.
struct Range {
    std::uint64_t begin = 0, count = 0;
};
Outcome<std::optional<Range>> asked_range(const Operation& operation, std::uint64_t size) {
    const std::string header = operation.header("range");
    constexpr std::string_view unit = "bytes=";
    // Several ranges get the whole object.
    if (!header.starts_with(unit) || header.find(',') != header.npos) return std::nullopt;
    const std::string_view text = http::trimmed(std::string_view(header).substr(unit.size()));
    const std::size_t dash = text.find('-');
    if (dash == text.npos) return std::nullopt;
    const std::string first(http::trimmed(text.substr(0, dash)));
    const std::string last(http::trimmed(text.substr(dash + 1)));
    const auto is_number = [](const std::string& number) {
        return !number.empty() && number.size() < 19 &&
               number.find_first_not_of("0123456789") == number.npos;
    };
    if ((first.empty() && !is_number(last)) || (!first.empty() && !is_number(first)) ||
        (!last.empty() && !is_number(last)))
        return std::nullopt;
    const auto unsatisfiable = [&] {
        return refuse_about(
            {{"RangeRequested", header}, {"ActualObjectSize", std::to_string(size)}},
            "InvalidRange", "The requested range is not satisfiable", 416);
    };
    if (first.empty()) {
        const std::uint64_t count = std::min<std::uint64_t>(std::stoull(last), size);
        if (count == 0) return unsatisfiable();
        return Range{size - count, count};
    }
    const std::uint64_t begin = std::stoull(first);
    const std::uint64_t end = last.empty() ? size - 1 : std::stoull(last);
    if (begin > end && !last.empty()) return std::nullopt;
    if (begin >= size) return unsatisfiable();
    return Range{begin, std::min(end, size - 1) - begin + 1};
}

/// The part's bytes of an object that came in parts.
Outcome<std::optional<Range>> asked_part(const Operation& operation, const Attributes& attributes,
                                         std::uint64_t size) {
    const std::string text = operation.query("partNumber");
    const long number = std::strtol(text.c_str(), nullptr, 10);
    const auto& parts = attributes.parts;
    const std::size_t count = std::max<std::size_t>(parts.size(), 1);
    if (number < 1 || static_cast<std::size_t>(number) > count)
        return refuse_about(
            {{"PartNumberRequested", text}, {"ActualPartCount", std::to_string(count)}},
            "InvalidPartNumber", "The requested partnumber is not satisfiable", 416);
    if (operation.request.header("range"))
        return refuse("InvalidRequest",
                      "Cannot specify both Range header and partNumber query parameter");
    if (parts.empty()) return Range{0, size};
    Range range;
    for (long i = 0; i + 1 < number; ++i) range.begin += parts[static_cast<std::size_t>(i)];
    range.count = parts[static_cast<std::size_t>(number) - 1];
    return range;
}

/// Leaves the checksum of the part that is asked for: clients check what they get against it.
void keep_checksum_of_part(const Operation& operation, Attributes& attributes) {
    if (attributes.parts.empty()) return;
    const auto number = std::strtoul(operation.query("partNumber").c_str(), nullptr, 10);
    const bool is_known = number >= 1 && number <= attributes.part_checksums.size();
    attributes.checksum = is_known ? attributes.part_checksums[number - 1] : "";
}

/// The bytes as an answer: one file's as they lie there, else piece by piece.
Outcome<void> send_bytes(Operation& operation, const bucket::ObjectVersion& object, Range range,
                         http::Response& response) {
    response.length = range.count;
    if (operation.request.method == "HEAD") return {};
    const bucket::Body& body = object.body;
    if (body.pieces.empty()) {
        response.body = body.bytes.substr(range.begin, range.count);
        return {};
    }
    if (body.pieces.size() == 1 && range.count > 0) {
        auto reader = *S3_TRY(operation.buckets.open_blob(body.pieces[0]));
        if (const int descriptor = reader->descriptor(); descriptor >= 0) {
            response.piece =
                http::Response::PieceBody{std::move(reader), descriptor, range.begin, range.count};
            return {};
        }
    }
    response.stream = [&buckets = operation.buckets, body,
                       range](http::BodyWriter& writer) -> Result<void> {
        std::uint64_t at = range.begin, left = range.count;
        while (left > 0) {
            const Bytes bytes =
                TRY(buckets.read(body, at, std::min<std::uint64_t>(left, piece_bytes_max)));
            TRY(writer.write(bytes));
            at += bytes.size();
            left -= bytes.size();
        }
        return {};
    };
    return {};
}

/// What a GET may ask to be said instead of what was stored.
Outcome<void> override_headers(const Operation& operation, Attributes& attributes) {
    for (const auto& [name, header] :
         {std::pair("response-content-type", "Content-Type"),
          std::pair("response-content-language", "Content-Language"),
          std::pair("response-expires", "Expires"),
          std::pair("response-cache-control", "Cache-Control"),
          std::pair("response-content-disposition", "Content-Disposition"),
          std::pair("response-content-encoding", "Content-Encoding")}) {
        const auto value = operation.request.query_value(name);
        if (!value) continue;
        if (operation.signature.principal.role == catalog::Role::anonymous)
            return refuse("InvalidRequest",
                          "Request specific response headers cannot be used for anonymous GET "
                          "requests.");
        attributes.headers[header] = *value;
    }
    return {};
}

/// Whoever may list the keys is told that one isn't there, also when it couldn't be read.
Outcome<void> enter_to_read(Operation& operation) {
    auto may =
        enter(operation, operation.version().empty() ? "s3:GetObject" : "s3:GetObjectVersion");
    if (may || may.error().type != "AccessDenied" || !operation.version().empty()) return may;
    const auto found = operation.buckets.get(operation.bucket, operation.key, "", false);
    const bool is_missing = !found && found.error().why == bucket::Why::no_such_key;
    if (is_missing && allow_on(operation, operation.about, "", "s3:ListBucket")) return {};
    return may;
}

/// What is missing is told as such only to who could have listed it.
Fault fault_of_missing(Operation& operation, const bucket::Refusal& refusal) {
    const bool hides = refusal.why == bucket::Why::no_such_key &&
                       !allow_on(operation, operation.about, "", "s3:ListBucket");
    if (hides) return {"AccessDenied", "Access Denied", 403};
    return fault_of(refusal);
}

/// A copy is one piece: it has the checksum that is asked for, or a whole one of its source's kind.
Outcome<void> renew_checksum(Operation& operation, const bucket::ObjectVersion& source,
                             Attributes& attributes) {
    attributes.parts.clear();
    attributes.part_checksums.clear();
    const std::string asked = operation.header("x-amz-checksum-algorithm");
    const auto kind = checksum_named(asked.empty() ? attributes.checksum_kind : asked);
    if (!kind && !asked.empty()) return unknown_checksum();
    const bool is_there = attributes.checksum_type == "FULL_OBJECT" && kind &&
                          name_of(*kind) == attributes.checksum_kind;
    if (!kind || is_there) return {};
    Checksum sum(*kind);
    for (std::uint64_t done = 0; done < source.size;) {
        const Bytes bytes = *S3_TRY(operation.buckets.read(
            source.body, done, std::min<std::uint64_t>(copied_bytes, source.size - done)));
        sum.update(bytes);
        done += bytes.size();
    }
    attributes.checksum_kind = name_of(*kind);
    attributes.checksum = sum.base64();
    attributes.checksum_type = "FULL_OBJECT";
    return {};
}

}  // namespace

Outcome<bucket::ObjectVersion> keep_taken(Operation& operation, Taken taken, Attributes& attributes,
                                          bucket::NewObject object) {
    if (taken.checksum_kind) {
        attributes.checksum_kind = name_of(*taken.checksum_kind);
        attributes.checksum = taken.checksum;
        attributes.checksum_type = "FULL_OBJECT";
    }
    object.bucket = operation.bucket;
    object.key = operation.key;
    object.owner = operation.signature.principal.id;
    object.attributes = attributes.text();
    object.etag = taken.md5;
    object.size = taken.size;
    object.body = std::move(taken.body);
    const auto pieces = object.body.pieces;
    auto made = operation.buckets.put(std::move(object), operation.cause());
    if (made) return *std::move(made);
    for (const bucket::Piece& piece : pieces) operation.buckets.drop(piece);
    return refused(made.error());
}

Answer put_object(Operation& operation) {
    S3_TRY(enter(operation, "s3:PutObject"));
    Attributes attributes = *S3_TRY(asked_attributes(operation));
    bucket::NewObject object;
    object.tags = *S3_TRY(asked_tags(operation));
    object.condition = *S3_TRY(asked_condition(operation));
    object.storage_class = *S3_TRY(asked_storage_class(operation));
    attributes.acl = *S3_TRY(asked_acl_text(operation));
    Taken taken = *S3_TRY(take_body(operation, false));
    const auto made = *S3_TRY(keep_taken(operation, std::move(taken), attributes, object));
    http::Response response;
    response.headers.emplace_back("ETag", "\"" + made.etag + "\"");
    // What takes the place of an unnamed version has no name itself.
    if (operation.about.versioning == "Enabled") add_version(operation.about, made, response);
    add_checksum(attributes, response);
    S3_TRY(add_expiration(operation, made, response));
    return response;
}

Answer copy_object(Operation& operation) {
    S3_TRY(enter(operation, "s3:PutObject"));
    const CopySource from = *S3_TRY(asked_source(operation));
    const bucket::ObjectVersion source = *S3_TRY(open_source(operation, from));
    const bool replaces = operation.header("x-amz-metadata-directive") == "REPLACE";
    const bool retags = operation.header("x-amz-tagging-directive") == "REPLACE";
    const bool changes = replaces || operation.request.header("x-amz-storage-class") ||
                         operation.request.header("x-amz-website-redirect-location") ||
                         operation.request.header("x-amz-server-side-encryption");
    if (!changes && from.version.empty() && from.bucket == operation.bucket &&
        from.key == operation.key)
        return refuse("InvalidRequest",
                      "This copy request is illegal because it is trying to copy an object to "
                      "itself without changing the object's metadata, storage class, website "
                      "redirect location or encryption attributes.");
    Attributes attributes = Attributes::of(source.attributes);
    if (replaces) {
        Attributes asked = *S3_TRY(asked_attributes(operation));
        attributes.headers = std::move(asked.headers);
        attributes.metadata = std::move(asked.metadata);
    }
    if (const std::string to = operation.header("x-amz-website-redirect-location"); !to.empty())
        attributes.headers["x-amz-website-redirect-location"] = to;
    S3_TRY(renew_checksum(operation, source, attributes));
    attributes.acl = *S3_TRY(asked_acl_text(operation));
    bucket::NewObject object;
    object.storage_class = *S3_TRY(asked_storage_class(operation));
    object.bucket = operation.bucket;
    object.key = operation.key;
    object.owner = operation.signature.principal.id;
    object.attributes = attributes.text();
    object.tags = retags ? *S3_TRY(asked_tags(operation)) : source.tags;
    object.etag = source.etag;
    object.size = source.size;
    object.body = source.body;
    object.condition = *S3_TRY(asked_condition(operation));
    object.kind = bucket::ChangeKind::copied;
    const auto made = *S3_TRY(operation.buckets.put(std::move(object), operation.cause()));
    XmlWriter xml;
    xml.open("CopyObjectResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        .put("LastModified", document_time(made.modified_ms))
        .put("ETag", "\"" + made.etag + "\"");
    if (!attributes.checksum.empty())
        xml.put("Checksum" + attributes.checksum_kind, attributes.checksum)
            .put("ChecksumType", attributes.checksum_type);
    http::Response response = xml_response(std::move(xml.close("CopyObjectResult")).document());
    add_version(operation.about, made, response);
    const auto source_bucket = *S3_TRY(operation.buckets.find(from.bucket));
    if (!source_bucket.versioning.empty() && source.version != "null")
        response.headers.emplace_back("x-amz-copy-source-version-id", source.version);
    return response;
}

Answer get_object(Operation& operation) {
    const bool is_head = operation.request.method == "HEAD";
    S3_TRY(enter_to_read(operation));
    const auto found =
        operation.buckets.get(operation.bucket, operation.key, operation.version(), !is_head);
    if (!found) {
        http::Response response =
            fault_answer(operation, fault_of_missing(operation, found.error()));
        if (!found.error().version.empty()) {
            response.headers.emplace_back("x-amz-delete-marker", "true");
            response.headers.emplace_back("x-amz-version-id", found.error().version);
        }
        return response;
    }
    Attributes attributes = Attributes::of(found->attributes);
    http::Response response;
    const auto holds = check_read_conditions(operation, *found, "");
    if (!holds && holds.error().status != 304) return tl::unexpected<Fault>(holds.error());
    response.headers.emplace_back("ETag", "\"" + found->etag + "\"");
    response.headers.emplace_back("Last-Modified", http_date(found->modified_ms));
    if (!holds) {
        response.status = 304;
        return response;
    }
    S3_TRY(override_headers(operation, attributes));
    const bool by_part = operation.has("partNumber");
    const auto range = *S3_TRY(by_part ? asked_part(operation, attributes, found->size)
                                       : asked_range(operation, found->size));
    if (!is_head) S3_TRY(check_readable(*found, operation.clock.unix_ms()));
    add_headers(attributes, response);
    add_version(operation.about, *found, response);
    add_tier(*found, operation.clock.unix_ms(), response);
    S3_TRY(add_expiration(operation, *found, response));
    response.headers.emplace_back("Accept-Ranges", "bytes");
    if (!found->tags.empty())
        response.headers.emplace_back("x-amz-tagging-count",
                                      std::to_string(tags_in(found->tags).size()));
    if (by_part && !attributes.parts.empty())
        response.headers.emplace_back("x-amz-mp-parts-count",
                                      std::to_string(attributes.parts.size()));
    if (http::equal_ignoring_case(operation.header("x-amz-checksum-mode"), "enabled") &&
        (!range || by_part || range->count == found->size)) {
        if (by_part) keep_checksum_of_part(operation, attributes);
        add_checksum(attributes, response);
    }
    if (range) {
        response.status = 206;
        response.headers.emplace_back("Content-Range",
                                      fmt::format("bytes {}-{}/{}", range->begin,
                                                  range->begin + range->count - 1, found->size));
    }
    S3_TRY(send_bytes(operation, *found, range.value_or(Range{0, found->size}), response));
    return response;
}

Answer delete_object(Operation& operation) {
    const std::string version = operation.version();
    S3_TRY(enter(operation, version.empty() ? "s3:DeleteObject" : "s3:DeleteObjectVersion"));
    bucket::Condition condition;
    if (const auto match = operation.request.header("if-match"))
        condition.if_etag = without_quotes(*match);
    const auto removal = *S3_TRY(operation.buckets.remove_object(
        operation.bucket, operation.key, version, condition, operation.cause()));
    http::Response response;
    response.status = 204;
    if (!removal.version.empty() && !operation.about.versioning.empty())
        response.headers.emplace_back("x-amz-version-id", removal.version);
    if (removal.is_marker) response.headers.emplace_back("x-amz-delete-marker", "true");
    return response;
}

Answer delete_objects(Operation& operation) {
    operation.about = *S3_TRY(operation.buckets.find(operation.bucket));
    const std::string text = *S3_TRY(document_body(operation));
    const auto document = read_xml(text);
    if (!document || document->name != "Delete")
        return refuse("MalformedXML",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    const auto asked = document->all("Object");
    if (asked.empty() || asked.size() > deleted_at_once_max)
        return refuse("MalformedXML",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    const bool is_quiet = document->text_of("Quiet") == "true";
    XmlWriter xml;
    xml.open("DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    for (const Element* const one : asked) {
        const std::string key = one->text_of("Key"), version = one->text_of("VersionId");
        bucket::Condition condition;
        if (const std::string etag = one->text_of("ETag"); !etag.empty())
            condition.if_etag = without_quotes(etag);
        std::optional<Fault> fault;
        bucket::Removal removal;
        if (const auto may =
                allow_on(operation, operation.about, key,
                         version.empty() ? "s3:DeleteObject" : "s3:DeleteObjectVersion");
            !may) {
            fault = may.error();
        } else {
            const auto removed = operation.buckets.remove_object(operation.bucket, key, version,
                                                                 condition, operation.cause());
            if (removed)
                removal = *removed;
            else
                fault = fault_of(removed.error());
        }
        if (fault) {
            xml.open("Error").put("Key", key);
            if (!version.empty()) xml.put("VersionId", version);
            xml.put("Code", fault->type).put("Message", fault->message).close("Error");
        } else if (!is_quiet) {
            xml.open("Deleted").put("Key", key);
            if (!version.empty()) xml.put("VersionId", version);
            if (removal.is_marker)
                xml.put("DeleteMarker", "true").put("DeleteMarkerVersionId", removal.version);
            xml.close("Deleted");
        }
    }
    return xml_response(std::move(xml.close("DeleteResult")).document());
}

Answer object_tagging(Operation& operation) {
    const std::string& method = operation.request.method;
    S3_TRY(enter(operation, method == "GET"   ? "s3:GetObjectTagging"
                            : method == "PUT" ? "s3:PutObjectTagging"
                                              : "s3:DeleteObjectTagging"));
    const auto object =
        *S3_TRY(operation.buckets.get(operation.bucket, operation.key, operation.version(), false));
    http::Response response;
    if (method == "GET") {
        XmlWriter xml;
        xml.open("Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"").open("TagSet");
        for (const auto& [name, value] : tags_in(object.tags))
            xml.open("Tag").put("Key", name).put("Value", value).close("Tag");
        response = xml_response(std::move(xml.close("TagSet").close("Tagging")).document());
    } else {
        std::string tags;
        if (method == "PUT") {
            const std::string text = *S3_TRY(document_body(operation));
            const auto document = read_xml(text);
            const Element* const set = document ? document->child("TagSet") : nullptr;
            if (set == nullptr)
                return refuse("MalformedXML",
                              "The XML you provided was not well-formed or did not validate "
                              "against our published schema");
            std::vector<std::pair<std::string, std::string>> pairs;
            for (const Element* const tag : set->all("Tag"))
                pairs.emplace_back(tag->text_of("Key"), tag->text_of("Value"));
            S3_TRY(check_tags(pairs));
            tags = tags_text(pairs);
        }
        S3_TRY(operation.buckets.set_tags(object, tags, operation.cause()));
        response.status = method == "PUT" ? 200 : 204;
    }
    add_version(operation.about, object, response);
    return response;
}

/// The parts of an object, a page of them.
static Outcome<void> put_parts(const Operation& operation, const Attributes& attributes,
                               XmlWriter& xml) {
    const std::string most = operation.header("x-amz-max-parts");
    const std::string marker = operation.header("x-amz-part-number-marker");
    for (const std::string* const text : {&most, &marker})
        if (text->size() > 9 || text->find_first_not_of("0123456789") != text->npos)
            return refuse("InvalidArgument", "a page of parts is asked for by numbers");
    const std::uint64_t limit = most.empty() ? 1000 : std::min(std::stoull(most), 1000ull);
    const std::uint64_t after = marker.empty() ? 0 : std::stoull(marker);
    const std::uint64_t count = attributes.parts.size();
    const std::uint64_t last = std::min(count, after + limit);
    xml.open("ObjectParts").put("PartsCount", count);
    if (attributes.part_checksums.empty()) {
        // S3 lists parts for their checksums only.
        xml.close("ObjectParts");
        return {};
    }
    xml.put("PartNumberMarker", after)
        .put("NextPartNumberMarker", std::max(last, after))
        .put("MaxParts", limit)
        .put("IsTruncated", last < count ? "true" : "false");
    for (std::uint64_t i = after; i < last; ++i) {
        xml.open("Part");
        if (i < attributes.part_checksums.size())
            xml.put("Checksum" + attributes.checksum_kind, attributes.part_checksums[i]);
        xml.put("PartNumber", i + 1).put("Size", attributes.parts[i]).close("Part");
    }
    xml.close("ObjectParts");
    return {};
}

Answer object_attributes(Operation& operation) {
    S3_TRY(enter(operation, "s3:GetObjectAttributes"));
    const auto object =
        *S3_TRY(operation.buckets.get(operation.bucket, operation.key, operation.version(), false));
    const Attributes attributes = Attributes::of(object.attributes);
    std::string asked;  // in one header, or in one each
    for (const auto& [name, value] : operation.request.headers)
        if (name == "x-amz-object-attributes") asked += value + ",";
    const auto wants = [&](const char* name) { return asked.find(name) != asked.npos; };
    XmlWriter xml;
    xml.open("GetObjectAttributesResponse xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    if (wants("ETag")) xml.put("ETag", object.etag);
    if (wants("Checksum") && !attributes.checksum.empty())
        xml.open("Checksum")
            .put("Checksum" + attributes.checksum_kind, attributes.checksum)
            .put("ChecksumType", attributes.checksum_type)
            .close("Checksum");
    if (wants("ObjectParts") && !attributes.parts.empty())
        S3_TRY(put_parts(operation, attributes, xml));
    if (wants("StorageClass")) xml.put("StorageClass", object.storage_class);
    if (wants("ObjectSize")) xml.put("ObjectSize", object.size);
    http::Response response =
        xml_response(std::move(xml.close("GetObjectAttributesResponse")).document());
    response.headers.emplace_back("Last-Modified", http_date(object.modified_ms));
    add_version(operation.about, object, response);
    return response;
}

}  // namespace stroma::front::s3
