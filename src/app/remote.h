#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "app/site.h"
#include "base/file.h"
#include "base/result.h"

namespace stroma::app {

/// The REST API of the server that has this data directory open, for verbs that find it taken.
/// Used by one thread.
class Remote {
public:
    explicit Remote(ServerAddress address) : address_(std::move(address)) {}

    /// From now on a request ends within a second of the stop, as cancelled; the server sees its
    /// client gone.
    void end_with(std::stop_token stop) { stop_ = std::move(stop); }

    /// The answer's body. An error answer becomes an Error with the server's own code and message.
    Result<std::string> get(std::string_view path);
    Result<std::string> post(std::string_view path, std::string_view json);
    Result<std::string> patch(std::string_view path, std::string_view json);
    Result<std::string> remove(std::string_view path);
    /// Hands the body on as it comes; `take` returns false to end it.
    Result<void> stream(std::string_view method, std::string_view path, std::string_view json,
                        const std::function<bool(std::string_view)>& take);

private:
    Result<std::string> ask(std::string_view method, std::string_view path, std::string_view json);

    ServerAddress address_;
    std::stop_token stop_;
};

}  // namespace stroma::app
