#include "front/http/router.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "front/http/url.h"

namespace stroma::front::http {
namespace {

std::vector<std::string_view> split_path(std::string_view path) {
    std::vector<std::string_view> parts;
    if (!path.empty() && path.front() == '/') path.remove_prefix(1);
    for (;;) {
        const std::size_t slash = path.find('/');
        parts.push_back(path.substr(0, slash));
        if (slash == path.npos) return parts;
        path.remove_prefix(slash + 1);
    }
}

bool serves(const Route& route, std::string_view method) {
    return route.method == "*" || route.method == method;
}

}  // namespace

std::vector<Router::Part> Router::split_pattern(std::string_view pattern) {
    std::vector<Part> parts;
    if (pattern == "*") return {{Part::Kind::rest, ""}};
    for (std::string_view part : split_path(pattern)) {
        if (part.size() > 2 && part.front() == '{' && part.back() == '}') {
            part = part.substr(1, part.size() - 2);
            const bool rest = part.ends_with("...");
            if (rest) part.remove_suffix(3);
            parts.push_back({rest ? Part::Kind::rest : Part::Kind::named, std::string(part)});
        } else {
            parts.push_back({Part::Kind::fixed, std::string(part)});
        }
    }
    return parts;
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
    for (const Route& route : routes_) patterns_.push_back(split_pattern(route.pattern));
    order_.resize(routes_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
        return std::lexicographical_compare(
            patterns_[a].begin(), patterns_[a].end(), patterns_[b].begin(), patterns_[b].end(),
            [](const Part& x, const Part& y) { return x.kind < y.kind; });
    });
    for (std::size_t i = 0; i < routes_.size(); ++i)
        if (routes_[i].pattern.find('{') == std::string::npos && routes_[i].pattern != "*")
            fixed_[routes_[i].pattern].push_back(i);
}

bool Router::fits(const std::vector<Part>& pattern, const std::vector<std::string>& path,
                  std::map<std::string, std::string>& parameters) {
    if (pattern.size() == 1 && pattern[0].kind == Part::Kind::rest && pattern[0].text.empty())
        return true;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i].kind == Part::Kind::rest) {
            std::string rest;
            for (std::size_t k = i; k < path.size(); ++k) rest += (k > i ? "/" : "") + path[k];
            parameters[pattern[i].text] = std::move(rest);
            return i < path.size();
        }
        if (i >= path.size()) return false;
        if (pattern[i].kind == Part::Kind::fixed) {
            if (pattern[i].text != path[i]) return false;
            continue;
        }
        if (path[i].empty() || path[i] == "." || path[i] == ".." ||
            path[i].find('/') != std::string::npos)
            return false;
        parameters[pattern[i].text] = path[i];
    }
    return path.size() == pattern.size();
}

Router::Match Router::find(std::string_view method, std::string_view raw_path) const {
    Match match;
    std::vector<std::string_view> methods;
    const auto consider = [&](std::size_t index) {
        const Route& route = routes_[index];
        if (serves(route, method) || (method == "HEAD" && route.method == "GET")) {
            match.route = &route;
            match.index = index;
            return true;
        }
        methods.push_back(route.method);
        return false;
    };
    if (const auto fixed = fixed_.find(raw_path); fixed != fixed_.end())
        for (const std::size_t index : fixed->second)
            if (consider(index)) return match;
    std::vector<std::string> path;
    for (const std::string_view part : split_path(raw_path))
        path.push_back(percent_decode(part, false).value_or(std::string()));
    for (const std::size_t index : order_) {
        match.parameters.clear();
        if (fits(patterns_[index], path, match.parameters) && consider(index)) return match;
    }
    match.parameters.clear();
    if (std::find(methods.begin(), methods.end(), "GET") != methods.end())
        methods.push_back("HEAD");
    if (!methods.empty()) methods.push_back("OPTIONS");
    std::sort(methods.begin(), methods.end());
    methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
    for (const std::string_view one : methods) {
        if (!match.allowed.empty()) match.allowed += ", ";
        match.allowed += one;
    }
    return match;
}

}  // namespace stroma::front::http
