#pragma once

#include <string>
#include <vector>

#include "app/aws/aws_client.h"

namespace stroma::app {

/// Puts records on a stream, 500 or 4 MiB at a time, each until it is taken. One thread.
class StreamWriter {
public:
    StreamWriter(AwsClient& client, std::string stream, std::stop_token stop)
        : client_(client), stream_(std::move(stream)), stop_(std::move(stop)) {}

    /// Puts it, or keeps it for a request with others.
    Result<void> put(std::string key, std::string data);
    /// Puts what was kept.
    Result<void> flush();

    std::int64_t records() const { return records_; }
    std::int64_t bytes() const { return bytes_; }
    std::int64_t requests() const { return requests_; }

private:
    struct Record {
        std::string key, data;
    };
    AwsClient& client_;
    const std::string stream_;
    const std::stop_token stop_;
    std::vector<Record> kept_;
    std::size_t kept_bytes_ = 0;
    std::int64_t records_ = 0, bytes_ = 0, requests_ = 0;
};

}  // namespace stroma::app
