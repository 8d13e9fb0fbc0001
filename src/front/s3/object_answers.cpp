#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/json.h"
#include "front/http/url.h"
#include "front/s3/attributes.h"

// What objects have beside their bytes, read from requests and written into answers.

namespace stroma::front::s3 {
namespace {

constexpr std::string_view kept_headers[] = {"Content-Type",
                                             "Cache-Control",
                                             "Content-Encoding",
                                             "Content-Disposition",
                                             "Content-Language",
                                             "Expires",
                                             "x-amz-website-redirect-location"};
constexpr std::string_view metadata_prefix = "x-amz-meta-";
constexpr std::size_t user_metadata_max = 2048;

/// "aws-chunked" is the framing of the request, not the object's.
std::string without_chunked(const std::string& encoding) {
    if (http::lower_case(encoding).find("aws-chunked") == encoding.npos) return encoding;
    std::string left;
    std::size_t from = 0;
    while (from <= encoding.size()) {
        const std::size_t end = std::min(encoding.find(',', from), encoding.size());
        const std::string_view one =
            http::trimmed(std::string_view(encoding).substr(from, end - from));
        if (!one.empty() && !http::equal_ignoring_case(one, "aws-chunked"))
            left += (left.empty() ? "" : ", ") + std::string(one);
        from = end + 1;
    }
    return left;
}

std::map<std::string, std::string> texts_in(const Json& json, const char* member) {
    std::map<std::string, std::string> texts;
    if (json.contains(member))
        for (const auto& [name, value] : json[member].items())
            texts[name] = value.get<std::string>();
    return texts;
}

}  // namespace

std::string Attributes::text() const {
    Json json = Json::object();
    if (!headers.empty()) json["h"] = headers;
    if (!metadata.empty()) json["m"] = metadata;
    if (!checksum.empty()) json["c"] = {checksum_kind, checksum, checksum_type};
    if (!parts.empty()) json["p"] = parts;
    if (!part_checksums.empty()) json["s"] = part_checksums;
    if (!acl.empty()) json["a"] = acl;
    if (!class_of_upload.empty()) json["k"] = class_of_upload;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Attributes Attributes::of(const std::string& text) {
    Attributes attributes;
    const auto json = parse_json(text);
    if (!json) return attributes;
    attributes.headers = texts_in(*json, "h");
    attributes.metadata = texts_in(*json, "m");
    if (json->contains("c")) {
        attributes.checksum_kind = (*json)["c"][0].get<std::string>();
        attributes.checksum = (*json)["c"][1].get<std::string>();
        attributes.checksum_type = (*json)["c"][2].get<std::string>();
    }
    if (json->contains("p"))
        for (const Json& size : (*json)["p"]) attributes.parts.push_back(size.get<std::uint64_t>());
    if (json->contains("s"))
        for (const Json& one : (*json)["s"])
            attributes.part_checksums.push_back(one.get<std::string>());
    attributes.acl = json->value("a", "");
    attributes.class_of_upload = json->value("k", "");
    return attributes;
}

tl::unexpected<Fault> unknown_checksum() {
    return refuse("InvalidRequest",
                  "Checksum algorithm provided is unsupported. Please try again with any of the "
                  "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
}

Outcome<Attributes> asked_attributes(const Operation& operation) {
    Attributes attributes;
    for (const std::string_view name : kept_headers)
        if (auto value = operation.request.header(http::lower_case(name))) {
            if (name == "Content-Encoding") *value = without_chunked(*value);
            if (!value->empty()) attributes.headers[std::string(name)] = *value;
        }
    if (attributes.headers.count("Content-Type") == 0)
        attributes.headers["Content-Type"] = "binary/octet-stream";
    std::size_t bytes = 0;
    for (const auto& [name, value] : operation.request.headers) {
        if (!name.starts_with(metadata_prefix)) continue;
        const std::string key = name.substr(metadata_prefix.size());
        bytes += key.size() + value.size();
        std::string& kept = attributes.metadata[key];
        kept = kept.empty() ? value : kept + "," + value;
    }
    if (bytes > user_metadata_max)
        return refuse("MetadataTooLarge",
                      "Your metadata headers exceed the maximum allowed metadata size");
    return attributes;
}

void add_headers(const Attributes& attributes, http::Response& response) {
    for (const auto& [name, value] : attributes.headers) response.headers.emplace_back(name, value);
    for (const auto& [name, value] : attributes.metadata)
        response.headers.emplace_back(std::string(metadata_prefix) + name, value);
}

void add_checksum(const Attributes& attributes, http::Response& response) {
    if (attributes.checksum.empty()) return;
    const auto kind = checksum_named(attributes.checksum_kind);
    if (!kind) return;
    response.headers.emplace_back(header_of(*kind), attributes.checksum);
    response.headers.emplace_back("x-amz-checksum-type", attributes.checksum_type);
}

Outcome<std::string> asked_storage_class(const Operation& operation) {
    const auto named = operation.request.header("x-amz-storage-class");
    if (!named || named->empty()) return std::string("STANDARD");
    for (const std::string_view known :
         {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
          "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"})
        if (*named == known) return *named;
    return refuse("InvalidStorageClass", "The storage class you specified is not valid");
}

namespace {

/// Of UTF-8: the bytes that begin one.
std::ptrdiff_t letters(std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

}  // namespace

Outcome<void> check_tags(const std::vector<std::pair<std::string, std::string>>& tags) {
    if (tags.size() > 10) return refuse("BadRequest", "Object tags cannot be greater than 10");
    std::vector<std::string> names;
    for (const auto& [name, value] : tags) {
        if (name.empty() || letters(name) > 128)
            return refuse("InvalidTag", "The TagKey you have provided is invalid");
        if (letters(value) > 256)
            return refuse("InvalidTag", "The TagValue you have provided is invalid");
        if (std::find(names.begin(), names.end(), name) != names.end())
            return refuse("InvalidTag", "Cannot provide multiple Tags with the same key");
        names.push_back(name);
    }
    return {};
}

std::string tags_text(const std::vector<std::pair<std::string, std::string>>& tags) {
    std::string text;
    for (const auto& [name, value] : tags)
        text += fmt::format("{}{}={}", text.empty() ? "" : "&", http::percent_encode(name),
                            http::percent_encode(value));
    return text;
}

std::vector<std::pair<std::string, std::string>> tags_in(const std::string& text) {
    return http::parse_query(text).value_or(std::vector<std::pair<std::string, std::string>>());
}

Outcome<std::string> asked_tags(const Operation& operation) {
    const std::string header = operation.header("x-amz-tagging");
    if (header.empty()) return std::string();
    const auto tags = http::parse_query(header);
    if (!tags)
        return refuse("InvalidArgument",
                      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL "
                      "query parameters without tag name duplicates.");
    if (auto checked = check_tags(*tags); !checked) return tl::unexpected<Fault>(checked.error());
    auto sorted = *tags;
    std::sort(sorted.begin(), sorted.end());
    return tags_text(sorted);
}

std::string http_date(std::int64_t unix_ms) {
    const std::time_t seconds = unix_ms / 1000;
    std::tm time{};
    gmtime_r(&seconds, &time);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &time)};
}

std::string encoded_path(std::string_view path) {
    std::string text;
    for (std::size_t from = 0;;) {
        const std::size_t slash = path.find('/', from);
        text += http::percent_encode(path.substr(from, slash - from));
        if (slash == path.npos) return text;
        text += '/';
        from = slash + 1;
    }
}

std::string document_time(std::int64_t unix_ms) { return iso_time(unix_ms / 1000 * 1000); }

std::optional<std::int64_t> parse_http_date(const std::string& text) {
    std::tm time{};
    const bool read = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &time) != nullptr ||
                      strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time) != nullptr;
    if (!read) return std::nullopt;
    return static_cast<std::int64_t>(timegm(&time)) * 1000;
}

std::string without_quotes(std::string_view etag) {
    etag = http::trimmed(etag);
    if (etag.starts_with("W/")) etag.remove_prefix(2);
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
        etag = etag.substr(1, etag.size() - 2);
    return std::string(etag);
}

bool names_etag_of(const std::string& list, const std::string& etag) {
    std::size_t from = 0;
    while (from <= list.size()) {
        const std::size_t end = std::min(list.find(',', from), list.size());
        const std::string one = without_quotes(std::string_view(list).substr(from, end - from));
        if (one == "*" || one == etag) return true;
        from = end + 1;
    }
    return false;
}

Outcome<bucket::Condition> asked_condition(const Operation& operation) {
    bucket::Condition condition;
    if (const auto none = operation.request.header("if-none-match")) {
        if (http::trimmed(*none) == "*")
            condition.if_absent = true;
        else
            condition.unless_etag = without_quotes(http::trimmed(*none));
    }
    if (const auto match = operation.request.header("if-match"))
        condition.if_etag = without_quotes(*match);
    return condition;
}

Outcome<void> check_read_conditions(const Operation& operation, const bucket::ObjectVersion& object,
                                    const std::string& before) {
    const auto failed = [&](const char* name) {
        return refuse_about({{"Condition", before + name}}, "PreconditionFailed",
                            "At least one of the pre-conditions you specified did not hold", 412);
    };
    const auto unchanged = [&](const char* name) {
        // A copy has no way to say "take what you have".
        return before.empty() ? refuse("NotModified", "Not Modified", 304) : failed(name);
    };
    const std::int64_t modified = object.modified_ms / 1000 * 1000;
    const auto match = operation.request.header(before + "if-match");
    if (match && !names_etag_of(*match, object.etag)) return failed("If-Match");
    if (const auto since = operation.request.header(before + "if-unmodified-since");
        since && !match) {
        const auto time = parse_http_date(*since);
        if (time && modified > *time) return failed("If-Unmodified-Since");
    }
    const auto none = operation.request.header(before + "if-none-match");
    if (none && names_etag_of(*none, object.etag)) return unchanged("If-None-Match");
    if (const auto since = operation.request.header(before + "if-modified-since"); since && !none) {
        const auto time = parse_http_date(*since);
        // A moment that hasn't come yet says nothing.
        if (time && modified <= *time && *time <= operation.clock.unix_ms())
            return unchanged("If-Modified-Since");
    }
    return {};
}

std::optional<std::string> source_path(std::string_view header) {
    // Some clients write a space as a plus, as forms do; a plus itself must be encoded.
    auto path = http::percent_decode(header.substr(0, header.find("?versionId=")), true);
    if (!path) return path;
    // A whole address is taken for its path.
    for (const std::string_view scheme : {"http://", "https://"})
        if (path->starts_with(scheme)) path->erase(0, path->find('/', scheme.size()));
    if (path->starts_with('/')) path->erase(0, 1);
    return path;
}

Outcome<CopySource> asked_source(const Operation& operation) {
    const std::string header = operation.header("x-amz-copy-source");
    CopySource source;
    const std::size_t question = header.find("?versionId=");
    if (question != header.npos) source.version = header.substr(question + 11);
    const auto invalid = [](std::string why) {
        return refuse_about(
            {{"ArgumentName", "x-amz-copy-source"}, {"ArgumentValue", "x-amz-copy-source"}},
            "InvalidArgument", std::move(why));
    };
    const auto path = source_path(header);
    if (!path) return invalid("Invalid copy source encoding.");
    const std::size_t slash = path->find('/');
    if (slash == path->npos || slash == 0 || slash + 1 == path->size())
        return invalid("Invalid copy source object key");
    source.bucket = path->substr(0, slash);
    source.key = path->substr(slash + 1);
    return source;
}

Outcome<bucket::ObjectVersion> open_source(Operation& operation, const CopySource& source) {
    const auto bucket = *S3_TRY(operation.buckets.find(source.bucket));
    if (auto may = allow_on(operation, bucket, source.key,
                            source.version.empty() ? "s3:GetObject" : "s3:GetObjectVersion");
        !may)
        return tl::unexpected<Fault>(may.error());
    auto object = *S3_TRY(operation.buckets.get(source.bucket, source.key, source.version, true));
    if (auto readable = check_readable(object, operation.clock.unix_ms()); !readable)
        return tl::unexpected<Fault>(readable.error());
    if (auto holds = check_read_conditions(operation, object, "x-amz-copy-source-"); !holds)
        return tl::unexpected<Fault>(holds.error());
    return object;
}

http::Response xml_response(std::string document, int status) {
    http::Response response;
    response.status = status;
    response.headers = {{"Content-Type", "application/xml"}};
    response.body = std::move(document);
    return response;
}

}  // namespace stroma::front::s3
