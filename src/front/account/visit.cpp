#include "front/account/visit.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/digest.h"
#include "front/http/url.h"

namespace stroma::front::account {
namespace {

constexpr std::string_view session_name = "stroma_session";
constexpr std::string_view browser_name = "stroma_browser";
constexpr std::string_view way_name = "stroma_sign_in";
constexpr std::string_view links_name = "stroma_links";
constexpr std::size_t secret_bytes_max = 200;
constexpr std::size_t links_max = 8;
constexpr std::int64_t way_seconds = 600;
constexpr std::int64_t year_seconds = 365LL * 24 * 3600;

std::string cookie_name(bool is_secure, std::string_view name) {
    return (is_secure ? "__Host-" : "") + std::string(name);
}

std::vector<std::string> parts_of(std::string_view text, char mark) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(mark), text.size());
        const std::string_view part = http::trimmed(text.substr(0, end));
        if (!part.empty()) parts.emplace_back(part);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// The first cookie of that name; "" when there is none or it is longer than any of ours.
std::string cookie(const http::Request& request, const std::string& name, std::size_t bytes_max) {
    for (const auto& [key, value] : request.headers) {
        if (key != "cookie") continue;
        for (const std::string& pair : parts_of(value, ';')) {
            const std::size_t equals = pair.find('=');
            if (equals != pair.npos && std::string_view(pair).substr(0, equals) == name)
                return pair.size() - equals - 1 <= bytes_max ? pair.substr(equals + 1) : "";
        }
    }
    return "";
}

bool is_trusted(const AccountFrontOptions& options, std::string_view address) {
    return std::find(options.trusted_proxies.begin(), options.trusted_proxies.end(), address) !=
           options.trusted_proxies.end();
}

/// The last address of the chain that no trusted proxy has.
std::string client_address(const http::Request& request, const AccountFrontOptions& options) {
    const auto chain = parts_of(request.header("x-forwarded-for").value_or(""), ',');
    for (auto at = chain.rbegin(); at != chain.rend(); ++at)
        if (!is_trusted(options, *at)) return at->substr(0, 64);
    return request.client;
}

/// "https://host:1/path" → "host:1", in lower case, without the scheme's own port.
std::string host_of(std::string_view url) {
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == url.npos) return "";
    const bool https = url.substr(0, scheme_end) == "https";
    url.remove_prefix(scheme_end + 3);
    std::string host = http::lower_case(url.substr(0, url.find('/')));
    const std::string_view usual = https ? ":443" : ":80";
    if (host.ends_with(usual)) host.resize(host.size() - usual.size());
    return host;
}

std::string set_cookie(const Visit& visit, std::string_view name, std::string_view value,
                       std::int64_t seconds) {
    return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax{}{}",
                       cookie_name(visit.is_secure, name), value, visit.is_secure ? "; Secure" : "",
                       seconds < 0 ? "" : fmt::format("; Max-Age={}", seconds));
}

}  // namespace

Visit visit_of(const http::Request& request, const AccountFrontOptions& options) {
    Visit visit;
    visit.address = request.client;
    visit.host = request.header("host").value_or("localhost");
    if (is_trusted(options, request.client)) {
        visit.address = client_address(request, options);
        visit.is_secure = request.header("x-forwarded-proto").value_or("") == "https";
        if (const auto host = request.header("x-forwarded-host")) visit.host = *host;
    }
    visit.base_url = (visit.is_secure ? "https://" : "http://") + visit.host;
    if (!options.public_url.empty()) {
        visit.base_url = options.public_url;
        visit.is_secure = options.public_url.starts_with("https://");
    }
    visit.host = host_of(visit.base_url);
    const auto read = [&](std::string_view name, std::size_t bytes_max) {
        return cookie(request, cookie_name(visit.is_secure, name), bytes_max);
    };
    visit.session = read(session_name, secret_bytes_max);
    visit.browser = read(browser_name, secret_bytes_max);
    visit.way = read(way_name, secret_bytes_max);
    visit.links = parts_of(read(links_name, secret_bytes_max * links_max), '.');
    if (visit.links.size() > links_max) visit.links.resize(links_max);
    return visit;
}

bool is_from_own_page(const http::Request& request, const Visit& visit) {
    const auto site = request.header("sec-fetch-site");
    const auto origin = request.header("origin");
    if (!site && !origin) return false;
    if (site && *site != "same-origin") return false;
    return !origin || (!visit.host.empty() && host_of(*origin) == visit.host);
}

bool is_from_other_page(const http::Request& request, const Visit& visit) {
    const auto site = request.header("sec-fetch-site");
    const auto origin = request.header("origin");
    return (site || origin) && !is_from_own_page(request, visit);
}

std::string csrf_token(const Visit& visit) {
    std::string secret = visit.session;
    if (secret.empty())
        for (const std::string& link : visit.links) secret += link + ".";
    if (secret.empty()) return "";
    return to_hex(hmac_sha256(as_bytes(secret), "X-Stroma-CSRF")).substr(0, 32);
}

std::string session_cookie(const Visit& visit, std::string_view secret, std::int64_t seconds) {
    return set_cookie(visit, session_name, secret, seconds);
}

std::string browser_cookie(const Visit& visit, std::string_view secret) {
    return set_cookie(visit, browser_name, secret, year_seconds);
}

std::string way_cookie(const Visit& visit, std::string_view secret) {
    return set_cookie(visit, way_name, secret, secret.empty() ? 0 : way_seconds);
}

std::string links_cookie(const Visit& visit, const std::vector<std::string>& secrets) {
    std::string joined;
    for (std::size_t i = 0; i < std::min(secrets.size(), links_max); ++i)
        joined += (i == 0 ? "" : ".") + secrets[i];
    return set_cookie(visit, links_name, joined, -1);
}

}  // namespace stroma::front::account
