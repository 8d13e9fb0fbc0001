#include "app/sync/s3_destination.h"

#include <fmt/format.h>

#include <charconv>
#include <pugixml.hpp>

#include "front/http/url.h"

namespace stroma::app {
namespace {

constexpr std::int64_t keys_used_ms = 30 * 60 * 1000;

std::string without_quotes(std::string text) {
    std::erase(text, '"');
    return text;
}

Error error_of(const AwsAnswer& answer, const std::string& doing) {
    const std::string message = fmt::format("{} was refused: {}{}{}", doing, answer.error,
                                            answer.message.empty() ? "" : ": ", answer.message);
    const bool is_passing = answer.status >= 500 || answer.status == 429 ||
                            answer.error == "SlowDown" || answer.error == "RequestTimeout";
    if (is_passing) return {ErrorCode::unavailable, message};
    if (answer.status == 401 || answer.status == 403) return {ErrorCode::denied, message};
    if (answer.error == "NoSuchBucket") return {ErrorCode::denied, message};
    if (answer.status == 404) return {ErrorCode::not_found, message};
    return {ErrorCode::invalid_input, message};
}

Result<pugi::xml_document> parse_answer(const AwsAnswer& answer, const std::string& doing) {
    pugi::xml_document document;
    if (!document.load_buffer(answer.body.data(), answer.body.size()))
        return fail(ErrorCode::corrupt, fmt::format("{}: the answer is not XML", doing));
    return document;
}

class S3Destination final : public sync::Destination {
public:
    S3Destination(FindAccess find_access, std::string bucket, const Clock& clock, sync::Pace& pace,
                  std::stop_token stop)
        : find_access_(std::move(find_access)),
          bucket_(std::move(bucket)),
          clock_(clock),
          pace_(pace),
          stop_(std::move(stop)) {}

    Result<std::string> put(const std::string& key, const sync::Sendable& body) override {
        return sent(key, {}, body);
    }

    Result<std::string> begin_upload(const std::string& key) override {
        const std::string doing = "beginning to send " + key;
        const AwsAnswer answer = TRY(asked("POST", key, {.query = {{"uploads", ""}}}, doing));
        const auto document = TRY(parse_answer(answer, doing));
        return std::string(document.document_element().child_value("UploadId"));
    }

    Result<std::string> put_part(const std::string& key, const std::string& upload, int number,
                                 const sync::Sendable& body) override {
        return sent(key, {{"partNumber", std::to_string(number)}, {"uploadId", upload}}, body);
    }

    Result<std::map<int, std::string>> parts(const std::string& key,
                                             const std::string& upload) override {
        const std::string doing = "asking for the parts of " + key;
        std::map<int, std::string> parts;
        for (std::string marker = "0";;) {
            const AwsAnswer answer = TRY(
                asked("GET", key, {.query = {{"uploadId", upload}, {"part-number-marker", marker}}},
                      doing));
            const auto document = TRY(parse_answer(answer, doing));
            const pugi::xml_node list = document.document_element();
            for (const pugi::xml_node part : list.children("Part"))
                parts[part.child("PartNumber").text().as_int()] =
                    without_quotes(part.child_value("ETag"));
            if (!list.child("IsTruncated").text().as_bool()) return parts;
            marker = list.child_value("NextPartNumberMarker");
        }
    }

    Result<std::string> complete_upload(const std::string& key, const std::string& upload,
                                        const std::vector<std::string>& etags) override {
        const std::string doing = "completing " + key;
        std::string body = "<CompleteMultipartUpload>";
        for (std::size_t i = 0; i < etags.size(); ++i)
            body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>\"{}\"</ETag></Part>",
                                i + 1, etags[i]);
        body += "</CompleteMultipartUpload>";
        AwsAnswer answer =
            TRY(asked("POST", key, {.query = {{"uploadId", upload}}, .body = body}, doing));
        const auto document = TRY(parse_answer(answer, doing));
        const pugi::xml_node root = document.document_element();
        // S3 may answer 200 and say only in the body that it failed.
        if (std::string_view(root.name()) == "Error")
            return fail(ErrorCode::unavailable,
                        fmt::format("{} was refused: {}", doing, root.child_value("Code")));
        return without_quotes(root.child_value("ETag"));
    }

    Result<void> abandon_upload(const std::string& key, const std::string& upload) override {
        const auto answer = asked("DELETE", key, {.query = {{"uploadId", upload}}},
                                  "taking back what was sent of " + key);
        if (!answer && answer.error().code != ErrorCode::not_found) return fail(answer.error());
        return {};
    }

    Result<std::optional<sync::StoredObject>> find(const std::string& key) override {
        const auto answer = asked("HEAD", key, {}, "looking at " + key);
        if (!answer && answer.error().code == ErrorCode::not_found) return std::nullopt;
        if (!answer) return fail(answer.error());
        sync::StoredObject object{.key = key};
        if (const auto length = answer->headers.find("content-length");
            length != answer->headers.end())
            std::from_chars(length->second.data(), length->second.data() + length->second.size(),
                            object.size);
        if (const auto etag = answer->headers.find("etag"); etag != answer->headers.end())
            object.etag = without_quotes(etag->second);
        return object;
    }

    Result<void> list(const std::string& prefix,
                      const std::function<Result<void>(const sync::StoredObject&)>& take) override {
        const std::string doing = "listing " + bucket_;
        std::string token;
        do {
            S3Ask ask{.query = {{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", prefix}}};
            if (!token.empty()) ask.query.emplace_back("continuation-token", token);
            const AwsAnswer answer = TRY(asked("GET", "", ask, doing));
            const auto document = TRY(parse_answer(answer, doing));
            const pugi::xml_node page = document.document_element();
            for (const pugi::xml_node object : page.children("Contents")) {
                const auto key = front::http::percent_decode(object.child_value("Key"), true);
                if (!key) return fail(ErrorCode::corrupt, doing + ": a key can't be decoded");
                TRY(take({.key = *key,
                          .size = object.child("Size").text().as_ullong(),
                          .etag = without_quotes(object.child_value("ETag"))}));
            }
            token = page.child_value("NextContinuationToken");
        } while (!token.empty());
        return {};
    }

    Result<void> remove(const std::string& key) override {
        TRY(asked("DELETE", key, {}, "removing " + key));
        return {};
    }

private:
    Result<AwsAnswer> asked(std::string_view method, const std::string& key, const S3Ask& ask,
                            const std::string& doing) {
        TRY(renew_client());
        AwsAnswer answer = TRY(client_->s3(
            method, key.empty() ? "/" + bucket_ : fmt::format("/{}/{}", bucket_, key), ask));
        if (answer.status / 100 != 2) return fail(error_of(answer, doing));
        return answer;
    }

    /// Keys of our own server are good for an hour; a large slide on a thin line takes longer.
    Result<void> renew_client() {
        const std::int64_t now_ms = clock_.steady_ms();
        if (client_ && now_ms - client_since_ms_ < keys_used_ms) return {};
        client_ = std::make_unique<AwsClient>(TRY(find_access_()), clock_, stop_);
        client_since_ms_ = now_ms;
        return {};
    }

    Result<std::string> sent(const std::string& key,
                             std::vector<std::pair<std::string, std::string>> query,
                             const sync::Sendable& body) {
        const S3Ask ask{.query = std::move(query),
                        .body = body.bytes,
                        .body_sha256 = body.sha256,
                        .before_bytes = [this](std::size_t bytes) {
                            return pace_.wait_for_turn(bytes, stop_).has_value();
                        }};
        const AwsAnswer answer = TRY(asked("PUT", key, ask, "sending " + key));
        const auto etag = answer.headers.find("etag");
        if (etag == answer.headers.end())
            return fail(ErrorCode::corrupt, "the store gave no ETag for " + key);
        return without_quotes(etag->second);
    }

    const FindAccess find_access_;
    const std::string bucket_;
    const Clock& clock_;
    sync::Pace& pace_;
    const std::stop_token stop_;
    std::unique_ptr<AwsClient> client_;
    std::int64_t client_since_ms_ = 0;
};

}  // namespace

sync::OpenDestination s3_destinations(FindAccess find_access, std::string bucket,
                                      const Clock& clock) {
    return [find_access = std::move(find_access), bucket = std::move(bucket), &clock](
               sync::Pace& pace,
               std::stop_token stop) -> Result<std::unique_ptr<sync::Destination>> {
        return std::make_unique<S3Destination>(find_access, bucket, clock, pace, std::move(stop));
    };
}

}  // namespace stroma::app
