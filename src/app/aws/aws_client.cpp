#include "app/aws/aws_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "app/remote.h"
#include "base/ascii.h"
#include "base/digest.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

constexpr long upload_buffer_bytes = 256 << 10;

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

/// "etag: \"…\"" and its like, a line at a time.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* headers) {
    const std::string_view line(data, size * count);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return line.size();
    const std::string name = ascii_lower(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with('\n') || value.ends_with('\r')) value.remove_suffix(1);
    (*static_cast<std::map<std::string, std::string>*>(headers))[name] = value;
    return line.size();
}

/// A body on its way, and what is left of it.
struct BodyLeft {
    std::string_view whole, bytes;
    const std::function<bool(std::size_t)>& before;
};

std::size_t give_body(char* into, std::size_t size, std::size_t count, void* left) {
    auto& body = *static_cast<BodyLeft*>(left);
    const std::size_t part = std::min(size * count, body.bytes.size());
    if (part > 0 && body.before && !body.before(part)) return CURL_READFUNC_ABORT;
    std::memcpy(into, body.bytes.data(), part);
    body.bytes.remove_prefix(part);
    return part;
}

/// A connection that turns out to be closed is opened anew, and the body begins again.
int seek_body(void* left, curl_off_t offset, int) {
    auto& body = *static_cast<BodyLeft*>(left);
    body.bytes = body.whole.substr(std::min(body.whole.size(), static_cast<std::size_t>(offset)));
    return CURL_SEEKFUNC_OK;
}

int ask_to_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

/// The text between <name> and </name>; "" when there is none.
std::string element(const std::string& xml, std::string_view name) {
    const std::string open = fmt::format("<{}>", name), close = fmt::format("</{}>", name);
    const std::size_t begin = xml.find(open);
    if (begin == std::string::npos) return {};
    const std::size_t end = xml.find(close, begin);
    return end == std::string::npos ? std::string()
                                    : xml.substr(begin + open.size(), end - begin - open.size());
}

void read_error(AwsAnswer& answer) {
    if (answer.status / 100 == 2) return;
    if (const auto json = parse_json(answer.body); json && json->is_object()) {
        const std::string type = json->value("__type", "");
        answer.error = type.substr(type.find('#') + 1);
        answer.message = json->value("message", json->value("Message", ""));
    } else {
        answer.error = element(answer.body, "Code");
        answer.message = element(answer.body, "Message");
    }
    if (answer.error.empty()) answer.error = fmt::format("status {}", answer.status);
}

std::string query_text(std::vector<std::pair<std::string, std::string>> query) {
    std::string text;
    std::ranges::sort(query);
    for (const auto& [name, value] : query)
        text += fmt::format("{}{}={}", text.empty() ? "" : "&", front::http::percent_encode(name),
                            front::http::percent_encode(value));
    return text;
}

/// "20261122T013000Z"
std::string basic_time(std::int64_t unix_ms) {
    std::string text = iso_time(unix_ms).substr(0, 19) + "Z";
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

}  // namespace

Result<AwsAccess> access_for(const Invocation& invocation, const std::string& user) {
    const auto address = TRY(read_server_address(invocation.data));
    if (!address || address->aws.empty())
        return fail(ErrorCode::unavailable,
                    fmt::format("no server with an AWS port has {0}; 'stroma serve --data {0} "
                                "--aws 127.0.0.1:4566' is one",
                                invocation.data));
    Remote remote(*address);
    const std::string text = TRY(remote.post("/internal/aws/keys", Json{{"user", user}}.dump()));
    const Json made = TRY(parse_json(text));
    return AwsAccess{address->aws,         made.value("region", ""), made.value("account", ""),
                     made.value("id", ""), made.value("secret", ""), made.value("token", "")};
}

struct AwsClient::Asked {
    std::string_view service, method;
    std::string path, query;
    std::string_view body;
    std::string body_sha256;           ///< "" where it isn't known
    std::string target, content_type;  ///< of JSON services
    std::vector<std::pair<std::string, std::string>> headers;
    std::function<bool(std::size_t)> before_bytes;
};

struct AwsClient::Connection {
    CURL* curl = curl_easy_init();
    ~Connection() { curl_easy_cleanup(curl); }
};

AwsClient::AwsClient(AwsAccess access, const Clock& clock, std::stop_token stop)
    : access_(std::move(access)),
      clock_(clock),
      stop_(std::move(stop)),
      connection_(std::make_unique<Connection>()) {}
AwsClient::~AwsClient() = default;

std::vector<std::string> AwsClient::signed_headers(const Asked& asked) const {
    const std::string time = basic_time(clock_.unix_ms()), day = time.substr(0, 8);
    const std::string host = access_.url.substr(access_.url.find("://") + 3);
    const std::string hash = asked.body_sha256.empty() ? sha256_hex(asked.body) : asked.body_sha256;
    std::vector<std::pair<std::string, std::string>> headers = asked.headers;
    headers.emplace_back("host", host);
    headers.emplace_back("x-amz-content-sha256", hash);
    headers.emplace_back("x-amz-date", time);
    if (!access_.token.empty()) headers.emplace_back("x-amz-security-token", access_.token);
    if (!asked.target.empty()) headers.emplace_back("x-amz-target", asked.target);
    std::ranges::sort(headers);
    std::string canonical_headers, names;
    for (const auto& [name, value] : headers) {
        canonical_headers += name + ":" + value + "\n";
        names += (names.empty() ? "" : ";") + name;
    }
    const std::string canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", asked.method, asked.path,
                                              asked.query, canonical_headers, names, hash);
    const std::string scope =
        fmt::format("{}/{}/{}/aws4_request", day, access_.region, asked.service);
    Bytes key = hmac_sha256(as_bytes("AWS4" + access_.secret), day);
    key = hmac_sha256(key, access_.region);
    key = hmac_sha256(key, asked.service);
    key = hmac_sha256(key, "aws4_request");
    const std::string signature = to_hex(hmac_sha256(
        key, fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, sha256_hex(canonical))));
    headers.emplace_back("authorization",
                         fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, "
                                     "Signature={}",
                                     access_.id, scope, names, signature));
    headers.emplace_back("expect", "");
    // Without one, curl would name that of a form.
    headers.emplace_back("content-type", asked.content_type);
    std::vector<std::string> lines;
    for (const auto& [name, value] : headers) lines.push_back(fmt::format("{}: {}", name, value));
    return lines;
}

Result<AwsAnswer> AwsClient::ask(const Asked& asked) {
    curl_slist* list = nullptr;
    for (const std::string& line : signed_headers(asked))
        list = curl_slist_append(list, line.c_str());
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> lines(list,
                                                                            curl_slist_free_all);
    CURL* const curl = connection_->curl;
    if (curl == nullptr) return fail(ErrorCode::unavailable, "the HTTP client could not start");
    curl_easy_reset(curl);
    AwsAnswer answer;
    const std::string url =
        access_.url + asked.path + (asked.query.empty() ? "" : "?" + asked.query);
    const std::string method(asked.method);
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);
    BodyLeft left{asked.body, asked.body, asked.before_bytes};
    if (method == "HEAD") {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (method != "GET") {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(curl, CURLOPT_READDATA, &left);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, &left);
        curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, upload_buffer_bytes);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(asked.body.size()));
    }
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_to_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop_);
    const CURLcode code = curl_easy_perform(curl);
    if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
    if (code != CURLE_OK)
        return fail(ErrorCode::unavailable,
                    fmt::format("talking to {}: {}", access_.url, curl_easy_strerror(code)));
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    read_error(answer);
    return answer;
}

Result<Json> AwsClient::json(std::string_view service, const std::string& target,
                             const Json& parameters, std::initializer_list<std::string_view> fine) {
    const std::string body = parameters.dump();
    const AwsAnswer answer = TRY(ask({.service = service,
                                      .method = "POST",
                                      .path = "/",
                                      .query = "",
                                      .body = body,
                                      .body_sha256 = "",
                                      .target = target,
                                      .content_type = "application/x-amz-json-1.1",
                                      .headers = {},
                                      .before_bytes = {}}));
    if (answer.error.empty()) return answer.body.empty() ? Json::object() : parse_json(answer.body);
    if (std::ranges::find(fine, answer.error) != fine.end()) return Json::object();
    return fail(ErrorCode::unavailable,
                fmt::format("{} was refused: {}: {}", target, answer.error, answer.message));
}

Result<AwsAnswer> AwsClient::s3(std::string_view method, const std::string& path,
                                const S3Ask& asked) {
    std::string encoded;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        encoded += front::http::percent_encode(path.substr(at, end - at));
        if (end < path.size()) encoded += '/';
        at = end + 1;
    }
    return ask({.service = "s3",
                .method = method,
                .path = std::move(encoded),
                .query = query_text(asked.query),
                .body = asked.body,
                .body_sha256 = asked.body_sha256,
                .target = "",
                .content_type = "",
                .headers = asked.headers,
                .before_bytes = asked.before_bytes});
}

Result<void> pause_for(Milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, time, [] { return false; });
    return stop.stop_requested() ? Result<void>(fail(ErrorCode::cancelled, "interrupted"))
                                 : Result<void>{};
}

}  // namespace stroma::app
