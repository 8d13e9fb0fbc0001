#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "front/api/api_errors.h"
#include "front/explorer/explorer_routes.h"
#include "front/http/response_head.h"
#include "front/http/url.h"

// What the client takes, and how errors are told.

namespace stroma::front::explorer {
namespace {

using stroma::explorer::Coding;

/// One part of "gzip;q=0.5, zstd": its name, and whether it is allowed.
struct Choice {
    std::string name;
    bool allowed = true;
};

std::vector<Choice> choices_of(std::string_view header) {
    std::vector<Choice> choices;
    while (!header.empty()) {
        const std::string_view part = header.substr(0, header.find(','));
        header.remove_prefix(std::min(header.size(), part.size() + 1));
        const std::string_view name = http::trimmed(part.substr(0, part.find(';')));
        if (name.empty()) continue;
        Choice choice{http::lower_case(name), true};
        const std::size_t weight = part.find("q=");
        if (weight != part.npos)
            choice.allowed = part.find_first_of("123456789", weight) != part.npos;
        choices.push_back(std::move(choice));
    }
    return choices;
}

}  // namespace

Coding coding_for(const http::Request& request) {
    Coding best = Coding::identity;
    for (const Choice& choice : choices_of(request.header("accept-encoding").value_or(""))) {
        if (!choice.allowed) continue;
        if (choice.name == "zstd") return Coding::zstd;
        if (choice.name == "gzip") best = Coding::gzip;
    }
    return best;
}

bool accepts(const http::Request& request, std::string_view media_type) {
    const auto choices = choices_of(request.header("accept").value_or("*/*"));
    const std::string group = std::string(media_type.substr(0, media_type.find('/'))) + "/*";
    return choices.empty() || std::any_of(choices.begin(), choices.end(), [&](const Choice& one) {
               return one.allowed &&
                      (one.name == media_type || one.name == group || one.name == "*/*");
           });
}

std::string spelled(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += "/" + http::percent_encode(name);
    return text;
}

std::string spelled(const std::vector<std::uint32_t>& numbers) {
    return fmt::format("/{}", fmt::join(numbers, ","));
}

namespace {

http::Response as_problem(http::Response response) {
    const auto told = parse_json(response.body);
    Json problem{{"type", "about:blank"},
                 {"title", http::reason_phrase(response.status)},
                 {"status", response.status}};
    if (told && told->contains("message")) problem["detail"] = (*told)["message"];
    if (told)
        for (const auto& [name, value] : told->items()) problem[name] = value;
    response.body = problem.dump(-1, ' ', false, Json::error_handler_t::replace);
    for (auto& [name, value] : response.headers)
        if (name == "Content-Type") value = "application/problem+json";
    return response;
}

}  // namespace

http::Response problem_response(const http::Request& request, const Error& error) {
    return as_problem(api::error_response(request, error));
}

http::Response problem_response(const http::Request& request, int status, const Error& error) {
    return as_problem(api::error_response(request, status, error));
}

}  // namespace stroma::front::explorer
