#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "front/http/url.h"
#include "front/s3/attributes.h"
#include "front/s3/intake.h"
#include "front/s3/xml.h"

// Uploads in parts.

namespace stroma::front::s3 {
namespace {

constexpr int part_number_max = 10'000;
constexpr std::size_t part_copy_bytes = 1u << 20;

Outcome<int> asked_part_number(const Operation& operation) {
    const std::string text = operation.query("partNumber");
    const long number = std::strtol(text.c_str(), nullptr, 10);
    if (number < 1 || number > part_number_max)
        return refuse_about({{"ArgumentName", "partNumber"}, {"ArgumentValue", text}},
                            "InvalidArgument",
                            "Part number must be an integer between 1 and 10000, inclusive");
    return static_cast<int>(number);
}

Outcome<bucket::Upload> asked_upload(Operation& operation, const char* action) {
    if (auto may = enter(operation, action); !may) return tl::unexpected<Fault>(may.error());
    return *S3_TRY(operation.buckets.find_upload(operation.bucket, operation.key,
                                                 operation.query("uploadId")));
}

/// "CRC32:base64 base64" as it is kept of a part: what its client sent, and the CRC64NVME that
/// an upload without a kind is put together from.
std::string kept_checksum(const Taken& taken) {
    const std::string own =
        taken.checksum_kind ? fmt::format("{}:{}", name_of(*taken.checksum_kind), taken.checksum)
                            : "";
    return fmt::format("{} {}", own, taken.crc64);
}
std::pair<std::string, std::string> checksum_in(const std::string& kept) {
    const std::string own = kept.substr(0, kept.find(' '));
    const std::size_t colon = own.find(':');
    if (colon == own.npos) return {};
    return {own.substr(0, colon), own.substr(colon + 1)};
}
/// "" of parts that are older than this.
std::string crc64_in(const std::string& kept) {
    const std::size_t space = kept.find(' ');
    return space == kept.npos ? std::string() : kept.substr(space + 1);
}

/// An upload that named no kind gets what S3 gives it: the CRC64NVME of all bytes.
void join_crc64(Attributes& attributes, const std::vector<bucket::Part>& parts) {
    std::vector<PartChecksum> values;
    for (const bucket::Part& part : parts) values.push_back({crc64_in(part.checksum), part.size});
    attributes.checksum = joined_checksum(ChecksumKind::crc64nvme, values);
    if (attributes.checksum.empty()) return;
    attributes.checksum_kind = name_of(ChecksumKind::crc64nvme);
    attributes.checksum_type = "FULL_OBJECT";
}

/// What the parts' checksums make together: of all bytes, or a checksum of checksums. Nothing where
/// one has none.
void join_checksums(Attributes& attributes, const std::vector<bucket::Part>& parts) {
    const auto kind = checksum_named(attributes.checksum_kind);
    attributes.checksum.clear();
    attributes.part_checksums.clear();
    if (!kind) return join_crc64(attributes, parts);
    Checksum of_checksums(*kind);
    std::vector<PartChecksum> values;
    for (const bucket::Part& part : parts) {
        const auto [name, value] = checksum_in(part.checksum);
        std::string bytes;
        if (name != attributes.checksum_kind || !aws::base64_decode(value, bytes)) {
            attributes.part_checksums.clear();
            return;
        }
        of_checksums.update(as_bytes(bytes));
        values.push_back({value, part.size});
        attributes.part_checksums.push_back(value);
    }
    if (attributes.checksum_type == "FULL_OBJECT")
        attributes.checksum = joined_checksum(*kind, values);
    else
        attributes.checksum = fmt::format("{}-{}", of_checksums.base64(), parts.size());
}

/// What a new upload says of checksums. errors  InvalidRequest
Outcome<void> read_checksum_kind(const Operation& operation, Attributes& attributes) {
    const std::string name = operation.header("x-amz-checksum-algorithm");
    if (name.empty()) return {};
    const auto kind = checksum_named(name);
    if (!kind) return unknown_checksum();
    attributes.checksum_kind = name_of(*kind);
    attributes.checksum = "?";  // known when the upload is completed
    std::string& type = attributes.checksum_type;
    type = operation.header("x-amz-checksum-type");
    if (type.empty()) type = *kind == ChecksumKind::crc64nvme ? "FULL_OBJECT" : "COMPOSITE";
    const bool is_digest = *kind == ChecksumKind::sha1 || *kind == ChecksumKind::sha256;
    const bool fits = type == "FULL_OBJECT"
                          ? !is_digest
                          : type == "COMPOSITE" && *kind != ChecksumKind::crc64nvme;
    if (fits) return {};
    return refuse("InvalidRequest",
                  fmt::format("The {} checksum type cannot be used with the {} checksum algorithm.",
                              type, http::lower_case(attributes.checksum_kind)));
}

/// Why an upload isn't completed, with the part that it is about.
Fault fault_of_completion(Operation& operation, const bucket::Upload& upload,
                          const std::vector<bucket::CompletedPart>& asked,
                          const bucket::Refusal& refusal) {
    Fault fault = fault_of(refusal);
    if (refusal.why == bucket::Why::wrong_part_order) fault.details = {{"UploadId", upload.id}};
    if (refusal.why != bucket::Why::no_such_part && refusal.why != bucket::Why::part_too_small)
        return fault;
    const auto there = operation.buckets.parts(upload, 0, part_number_max);
    if (!there) return fault;
    for (const bucket::CompletedPart& one : asked) {
        const auto found = std::find_if(there->begin(), there->end(), [&](const auto& part) {
            return part.number == one.number;
        });
        const bool fits = found != there->end() && found->etag == one.etag;
        if (refusal.why == bucket::Why::no_such_part && !fits) {
            fault.details = {{"UploadId", upload.id},
                             {"PartNumber", std::to_string(one.number)},
                             {"ETag", one.etag}};
            return fault;
        }
        if (refusal.why == bucket::Why::part_too_small && fits &&
            found->size < bucket::part_bytes_min) {
            fault.details = {{"ProposedSize", std::to_string(found->size)},
                             {"MinSizeAllowed", std::to_string(bucket::part_bytes_min)},
                             {"PartNumber", std::to_string(one.number)},
                             {"ETag", one.etag}};
            return fault;
        }
    }
    return fault;
}

/// A part's checksum must be of the kind that its upload was begun with.
Outcome<void> check_part_kind(const bucket::Upload& upload, const Taken& taken) {
    const std::string kind = Attributes::of(upload.attributes).checksum_kind;
    if (kind.empty() || !taken.checksum_kind || name_of(*taken.checksum_kind) == kind) return {};
    return refuse(
        "InvalidRequest",
        fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, actual "
                    "checksum Type: {}",
                    http::lower_case(kind), http::lower_case(name_of(*taken.checksum_kind))));
}

/// What the request that completes an upload says of it must be so. Joins the checksums.
Outcome<void> check_completion(const Operation& operation, const bucket::Upload& upload,
                               const std::vector<std::string>& told, Attributes& attributes,
                               const std::vector<bucket::Part>& chosen) {
    const std::string kind = attributes.checksum_kind, name = http::lower_case(kind);
    const bool is_composite = attributes.checksum_type == "COMPOSITE";
    std::uint64_t size = 0;
    attributes.parts.clear();
    for (std::size_t p = 0; p < chosen.size(); ++p) {
        const bucket::Part& part = chosen[p];
        attributes.parts.push_back(part.size);
        size += part.size;
        if (kind.empty()) continue;
        if (told[p].empty() && is_composite)
            return refuse("InvalidRequest",
                          fmt::format("The upload was created using a {} checksum. The complete "
                                      "request must include the checksum for each part. It was "
                                      "missing for part {} in the request.",
                                      name, part.number));
        if (told[p].empty() || told[p] == checksum_in(part.checksum).second) continue;
        Fault fault = fault_of(bucket::Refusal(bucket::Why::no_such_part));
        fault.details = {{"UploadId", upload.id},
                         {"PartNumber", std::to_string(part.number)},
                         {"ETag", part.etag}};
        return tl::unexpected<Fault>(std::move(fault));
    }
    const std::string expected = operation.header("x-amz-mp-object-size");
    if (!expected.empty() && expected != std::to_string(size))
        return refuse("InvalidRequest",
                      fmt::format("The provided 'x-amz-mp-object-size' header value {} does not "
                                  "match what was computed: {}",
                                  expected, size));
    join_checksums(attributes, chosen);
    const std::string wanted = kind.empty() ? "" : operation.header("x-amz-checksum-" + name);
    if (wanted.empty() || wanted == attributes.checksum) return {};
    return refuse("BadDigest",
                  fmt::format("The {} you specified did not match the calculated checksum.", name));
}

Outcome<void> keep_part(Operation& operation, const bucket::Upload& upload, bucket::Part part) {
    const bucket::Piece piece = part.piece;
    const auto kept = operation.buckets.put_part(upload, std::move(part));
    if (kept) return {};
    operation.buckets.drop(piece);
    return refused(kept.error());
}

/// "bytes=0-99" of the source of a part. errors  InvalidArgument
Outcome<std::pair<std::uint64_t, std::uint64_t>> asked_source_range(const Operation& operation,
                                                                    std::uint64_t size) {
    const std::string text = operation.header("x-amz-copy-source-range");
    if (text.empty()) return std::pair<std::uint64_t, std::uint64_t>(0, size);
    unsigned long long begin = 0, end = 0;
    char rest = 0;
    if (std::sscanf(text.c_str(), "bytes=%llu-%llu%c", &begin, &end, &rest) != 2)
        return refuse("InvalidArgument",
                      "The x-amz-copy-source-range value must be of the form bytes=first-last "
                      "where first and last are the zero-based offsets of the first and last bytes "
                      "to copy");
    if (end >= size || begin > end)
        return refuse("InvalidRange", "The requested range is not satisfiable", 416);
    return std::pair<std::uint64_t, std::uint64_t>(begin, end - begin + 1);
}

}  // namespace

Answer begin_upload(Operation& operation) {
    S3_TRY(enter(operation, "s3:PutObject"));
    Attributes attributes = *S3_TRY(asked_attributes(operation));
    S3_TRY(read_checksum_kind(operation, attributes));
    attributes.acl = *S3_TRY(asked_acl_text(operation));
    attributes.class_of_upload = *S3_TRY(asked_storage_class(operation));
    bucket::Upload upload;
    upload.bucket = operation.bucket;
    upload.key = operation.key;
    upload.owner = operation.signature.principal.id;
    upload.tags = *S3_TRY(asked_tags(operation));
    upload.attributes = attributes.text();
    upload = *S3_TRY(operation.buckets.begin_upload(std::move(upload)));
    XmlWriter xml;
    xml.open("InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        .put("Bucket", upload.bucket)
        .put("Key", upload.key)
        .put("UploadId", upload.id);
    http::Response response =
        xml_response(std::move(xml.close("InitiateMultipartUploadResult")).document());
    if (!attributes.checksum_kind.empty())
        response.headers.insert(response.headers.end(),
                                {{"x-amz-checksum-algorithm", attributes.checksum_kind},
                                 {"x-amz-checksum-type", attributes.checksum_type}});
    return response;
}

Answer put_part(Operation& operation) {
    const int number = *S3_TRY(asked_part_number(operation));
    const auto upload = *S3_TRY(asked_upload(operation, "s3:PutObject"));
    const Taken taken = *S3_TRY(take_body(operation, true));
    if (auto fits = check_part_kind(upload, taken); !fits) {
        for (const bucket::Piece& piece : taken.body.pieces) operation.buckets.drop(piece);
        return tl::unexpected<Fault>(fits.error());
    }
    bucket::Part part;
    part.number = number;
    part.size = taken.size;
    part.etag = taken.md5;
    part.checksum = kept_checksum(taken);
    part.piece = taken.body.pieces.at(0);
    S3_TRY(keep_part(operation, upload, std::move(part)));
    http::Response response;
    response.headers.emplace_back("ETag", "\"" + taken.md5 + "\"");
    if (taken.checksum_kind)
        response.headers.emplace_back(header_of(*taken.checksum_kind), taken.checksum);
    return response;
}

Answer copy_part(Operation& operation) {
    const int number = *S3_TRY(asked_part_number(operation));
    const auto upload = *S3_TRY(asked_upload(operation, "s3:PutObject"));
    const CopySource from = *S3_TRY(asked_source(operation));
    const bucket::ObjectVersion source = *S3_TRY(open_source(operation, from));
    const auto [begin, count] = *S3_TRY(asked_source_range(operation, source.size));
    auto blob = *S3_TRY(operation.buckets.begin_blob());
    Digest md5(DigestKind::md5);
    Taken taken;
    Checksum crc64(ChecksumKind::crc64nvme);
    for (std::uint64_t done = 0; done < count;) {
        const Bytes bytes = *S3_TRY(operation.buckets.read(
            source.body, begin + done, std::min<std::uint64_t>(part_copy_bytes, count - done)));
        md5.update(bytes);
        crc64.update(bytes);
        S3_TRY(blob.write(bytes));
        done += bytes.size();
    }
    bucket::Part part;
    part.number = number;
    part.size = count;
    part.etag = md5.hex();
    taken.crc64 = crc64.base64();
    part.checksum = kept_checksum(taken);
    part.piece = *S3_TRY(blob.finish());
    const std::string etag = part.etag;
    S3_TRY(keep_part(operation, upload, std::move(part)));
    XmlWriter xml;
    xml.open("CopyPartResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        .put("LastModified", document_time(operation.clock.unix_ms()))
        .put("ETag", "\"" + etag + "\"");
    return xml_response(std::move(xml.close("CopyPartResult")).document());
}

Answer list_parts(Operation& operation) {
    const auto upload = *S3_TRY(asked_upload(operation, "s3:ListMultipartUploadParts"));
    const std::string wanted = Attributes::of(upload.attributes).checksum_kind;
    const std::string asked = operation.query("max-parts");
    const long limit = asked.empty() ? 1000 : std::strtol(asked.c_str(), nullptr, 10);
    const std::string marker = operation.query("part-number-marker");
    if (limit < 0) return refuse("InvalidArgument", "max-parts must be 0 or more");
    const std::size_t page = std::min<std::size_t>(static_cast<std::size_t>(limit), 1000);
    auto parts = *S3_TRY(operation.buckets.parts(
        upload, static_cast<int>(std::strtol(marker.c_str(), nullptr, 10)), page + 1));
    const bool is_cut = parts.size() > page;
    if (is_cut) parts.resize(page);
    XmlWriter xml;
    xml.open("ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        .put("Bucket", upload.bucket)
        .put("Key", upload.key)
        .put("UploadId", upload.id);
    xml.open("Initiator").put("ID", upload.owner).put("DisplayName", upload.owner);
    xml.close("Initiator").open("Owner").put("ID", upload.owner).put("DisplayName", upload.owner);
    xml.close("Owner")
        .put("StorageClass", "STANDARD")
        .put("PartNumberMarker", marker.empty() ? "0" : marker)
        .put("NextPartNumberMarker",
             static_cast<std::uint64_t>(parts.empty() ? 0 : parts.back().number))
        .put("MaxParts", page)
        .put("IsTruncated", is_cut ? "true" : "false");
    for (const bucket::Part& part : parts) {
        xml.open("Part")
            .put("PartNumber", static_cast<std::uint64_t>(part.number))
            .put("LastModified", document_time(part.modified_ms))
            .put("ETag", "\"" + part.etag + "\"")
            .put("Size", part.size);
        // Those of another kind than the upload's are their senders' own affair.
        if (const auto [kind, value] = checksum_in(part.checksum); !kind.empty() && kind == wanted)
            xml.put("Checksum" + kind, value);
        xml.close("Part");
    }
    return xml_response(std::move(xml.close("ListPartsResult")).document());
}

Answer complete_upload(Operation& operation) {
    auto upload = *S3_TRY(asked_upload(operation, "s3:PutObject"));
    const bucket::Condition condition = *S3_TRY(asked_condition(operation));
    const std::string text = *S3_TRY(document_body(operation, 2u << 20, true));
    const auto document = read_xml(text);
    if (!document || document->name != "CompleteMultipartUpload" || document->all("Part").empty())
        return refuse("MalformedXML",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    Attributes attributes = Attributes::of(upload.attributes);
    upload.storage_class = std::exchange(attributes.class_of_upload, "");
    std::vector<bucket::CompletedPart> parts;
    std::vector<std::string> told;  // checksums of the parts, where the request has them
    for (const Element* const part : document->all("Part")) {
        parts.push_back(
            {static_cast<int>(std::strtol(part->text_of("PartNumber").c_str(), nullptr, 10)),
             without_quotes(part->text_of("ETag"))});
        told.push_back(part->text_of("Checksum" + attributes.checksum_kind));
    }
    Outcome<void> checked;
    const auto completed = operation.buckets.complete_upload(
        upload, parts, condition,
        [&](const std::vector<bucket::Part>& chosen) -> Result<std::string> {
            checked = check_completion(operation, upload, told, attributes, chosen);
            if (!checked) return fail(ErrorCode::invalid_input, checked.error().message);
            return attributes.text();
        },
        operation.cause());
    S3_TRY(std::move(checked));
    if (!completed)
        return tl::unexpected<Fault>(
            fault_of_completion(operation, upload, parts, completed.error()));
    const auto& made = *completed;
    const std::string host = operation.header("host");
    XmlWriter xml;
    xml.open("CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        .put("Location", fmt::format("{}://{}{}", operation.request.secure ? "https" : "http", host,
                                     encoded_path(operation.request.path)))
        .put("Bucket", upload.bucket)
        .put("Key", upload.key)
        .put("ETag", "\"" + made.etag + "\"");
    const Attributes kept = Attributes::of(made.attributes);
    if (!kept.checksum.empty())
        xml.put("Checksum" + kept.checksum_kind, kept.checksum)
            .put("ChecksumType", kept.checksum_type);
    http::Response response =
        xml_response(std::move(xml.close("CompleteMultipartUploadResult")).document());
    if (operation.about.versioning == "Enabled")
        response.headers.emplace_back("x-amz-version-id", made.version);
    return response;
}

Answer abort_upload(Operation& operation) {
    const auto upload = *S3_TRY(asked_upload(operation, "s3:AbortMultipartUpload"));
    S3_TRY(operation.buckets.abort_upload(upload));
    http::Response response;
    response.status = 204;
    return response;
}

}  // namespace stroma::front::s3
