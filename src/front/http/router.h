#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "front/http/server.h"

namespace stroma::front::http {

/// Finds the route of a request. Built once, then read by any thread.
class Router {
public:
    explicit Router(std::vector<Route> routes);

    struct Match {
        const Route* route = nullptr;  ///< null: no such path, or not with that method
        std::size_t index = 0;         ///< of the route, in the order given
        std::map<std::string, std::string> parameters;
        std::string allowed;  ///< the path's methods, for 405; "" when there's no path
    };
    /// `raw_path` is still percent-encoded, so that an encoded slash stays inside its part. A
    /// "{name}" takes no part that is empty, ".", ".." or holds a slash once decoded.
    Match find(std::string_view method, std::string_view raw_path) const;
    const std::vector<Route>& routes() const { return routes_; }

private:
    struct Part {
        enum class Kind { fixed, named, rest } kind;
        std::string text;
    };
    static std::vector<Part> split_pattern(std::string_view pattern);
    static bool fits(const std::vector<Part>& pattern, const std::vector<std::string>& path,
                     std::map<std::string, std::string>& parameters);
    std::vector<Route> routes_;
    std::vector<std::vector<Part>> patterns_;  // beside routes_
    std::vector<std::size_t> order_;           // the more exact pattern first
    std::map<std::string, std::vector<std::size_t>, std::less<>> fixed_;  // patterns without names
};

}  // namespace stroma::front::http
