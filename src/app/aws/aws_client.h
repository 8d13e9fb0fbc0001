#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/verb.h"
#include "base/context.h"
#include "base/json.h"
#include "base/result.h"

namespace stroma::app {

/// Where an AWS-compatible port is, and as whom to speak with it.
struct AwsAccess {
    std::string url;  ///< "http://127.0.0.1:4566"
    std::string region, account, id, secret;
    std::string token;  ///< of temporary keys, else ""
};

/// Keys for an hour of the server that has the data directory, for that user, or for the local
/// administrator when it is "". errors  unavailable  no server with such a port has it
Result<AwsAccess> access_for(const Invocation& invocation, const std::string& user);

/// What an S3 request says beside its method and path.
struct S3Ask {
    std::vector<std::pair<std::string, std::string>> query = {};
    std::vector<std::pair<std::string, std::string>> headers = {};  ///< x-amz-…, lower case
    std::string_view body = {};                                     ///< must live until the answer
    std::string body_sha256 = {};  ///< hexadecimal, where it is known
    /// Called before so many of the body's bytes go; waits, or gives false to end the request.
    std::function<bool(std::size_t)> before_bytes = {};
};

/// What was answered. An AWS error is an answer too.
struct AwsAnswer {
    int status = 0;
    std::string body;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string error;  ///< "ResourceInUseException", "NoSuchBucket"; "" when it went well
    std::string message;
};

/// A client of the port like any other: it signs (SigV4) and keeps one connection. One thread.
class AwsClient {
public:
    AwsClient(AwsAccess access, const Clock& clock, std::stop_token stop);
    ~AwsClient();

    /// "kinesis", "Kinesis_20131202.PutRecords". An answer that is an error counts as well done
    /// when it is one of those.
    Result<Json> json(std::string_view service, const std::string& target, const Json& parameters,
                      std::initializer_list<std::string_view> fine = {});
    Result<AwsAnswer> s3(std::string_view method, const std::string& path, const S3Ask& ask = {});
    const AwsAccess& access() const { return access_; }

private:
    struct Asked;
    std::vector<std::string> signed_headers(const Asked& asked) const;
    Result<AwsAnswer> ask(const Asked& asked);

    const AwsAccess access_;
    const Clock& clock_;
    std::stop_token stop_;
    struct Connection;
    std::unique_ptr<Connection> connection_;
};

/// Waits so long, or less when `stop` is asked; cancelled then.
Result<void> pause_for(Milliseconds time, const std::stop_token& stop);

}  // namespace stroma::app
