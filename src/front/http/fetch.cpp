#include "front/http/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>

#include "front/http/url.h"

namespace stroma::front::http {
namespace {

struct Block {
    std::array<std::uint8_t, 4> start;
    int bits;
};
constexpr Block special_v4[] = {
    {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},     {{100, 64, 0, 0}, 10}, {{127, 0, 0, 0}, 8},
    {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12},  {{192, 0, 0, 0}, 24},  {{192, 0, 2, 0}, 24},
    {{192, 88, 99, 0}, 24}, {{192, 168, 0, 0}, 16}, {{198, 18, 0, 0}, 15}, {{198, 51, 100, 0}, 24},
    {{203, 0, 113, 0}, 24}, {{224, 0, 0, 0}, 4},    {{240, 0, 0, 0}, 4},
};

bool is_public_v4(const std::uint8_t* address) {
    const auto number = [](const std::uint8_t* b) {
        return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 |
               b[3];
    };
    for (const Block& block : special_v4)
        if ((number(address) ^ number(block.start.data())) >> (32 - block.bits) == 0) return false;
    return true;
}

bool is_public_v6(const std::uint8_t* address) {
    constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    constexpr std::uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    if (std::memcmp(address, mapped, 12) == 0 || std::memcmp(address, nat64, 12) == 0)
        return is_public_v4(address + 12);
    // Of the unicast space only 2000::/3 is given out; inside it 6to4 carries an IPv4 address,
    // and 2001::/23 and 2001:db8::/32 are special.
    if ((address[0] & 0xe0) != 0x20) return false;
    if (address[0] == 0x20 && address[1] == 0x02) return is_public_v4(address + 2);
    if (address[0] == 0x20 && address[1] == 0x01 && (address[2] & 0xfe) == 0) return false;
    return !(address[0] == 0x20 && address[1] == 0x01 && address[2] == 0x0d && address[3] == 0xb8);
}

bool is_public(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &address, sizeof v4);
        std::uint8_t bytes[4];
        std::memcpy(bytes, &v4.sin_addr, 4);
        return is_public_v4(bytes);
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, &address, sizeof v6);
        return is_public_v6(v6.sin6_addr.s6_addr);
    }
    return false;
}

struct Fetching {
    const FetchOptions& options;
    std::string body;
    bool too_large = false, refused = false;
    // Instead of the body:
    File* file = nullptr;
    std::uint64_t bytes = 0;
    std::function<bool(std::uint64_t, std::uint64_t)> go_on;
    std::optional<Error> failure = std::nullopt;
};

curl_socket_t open_checked(void* context, curlsocktype, curl_sockaddr* address) {
    auto& fetching = *static_cast<Fetching*>(context);
    if (!fetching.options.allow_private && !is_public(address->addr)) {
        fetching.refused = true;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t take_bytes(char* bytes, std::size_t, std::size_t count, void* context) {
    auto& fetching = *static_cast<Fetching*>(context);
    if (fetching.bytes + count > fetching.options.bytes_max) {
        fetching.too_large = true;
        return 0;
    }
    if (fetching.file == nullptr) {
        fetching.body.append(bytes, count);
    } else if (auto written = fetching.file->write_at(fetching.bytes,
                                                      as_bytes(std::string_view(bytes, count)));
               !written) {
        fetching.failure = std::move(written.error());
        return 0;
    }
    fetching.bytes += count;
    return count;
}

int tell_progress(void* context, curl_off_t total, curl_off_t, curl_off_t, curl_off_t) {
    auto& fetching = *static_cast<Fetching*>(context);
    return fetching.go_on(fetching.bytes,
                          static_cast<std::uint64_t>(std::max<curl_off_t>(total, 0)))
               ? 0
               : 1;
}

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

void set_up(CURL* easy, const std::string& url, Fetching& fetching) {
    const FetchOptions& options = fetching.options;
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, options.redirects_max > 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(options.redirects_max));
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, static_cast<long>(options.seconds_max));
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_checked);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &fetching);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &fetching);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "stroma");
}

using HeaderLines = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

HeaderLines header_lines(const FetchOptions& options) {
    curl_slist* lines = nullptr;
    if (!options.authorization.empty())
        lines = curl_slist_append(lines, ("Authorization: " + options.authorization).c_str());
    for (const auto& [name, value] : options.headers)
        lines = curl_slist_append(lines, (name + ": " + value).c_str());
    return {lines, curl_slist_free_all};
}

Result<void> check_url(const std::string& url) {
    std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
    if (url.size() > 8192 || !is_clean_utf8(url) ||
        curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
        return fail(ErrorCode::invalid_input, "the URL to read is not a URL");
    char* part = nullptr;
    curl_url_get(parsed.get(), CURLUPART_SCHEME, &part, 0);
    const std::string scheme = part != nullptr ? part : "";
    curl_free(part);
    if (scheme != "http" && scheme != "https")
        return fail(ErrorCode::invalid_input,
                    "the URL to read must begin with http:// or https://");
    part = nullptr;
    const bool has_user = curl_url_get(parsed.get(), CURLUPART_USER, &part, 0) == CURLUE_OK;
    curl_free(part);
    if (has_user)
        return fail(ErrorCode::invalid_input, "the URL to read must not carry a user name");
    return {};
}

Result<void> perform(std::string_view url_text, Fetching& fetching) {
    const FetchOptions& options = fetching.options;
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    const std::string url(url_text);
    TRY(check_url(url));
    const Easy easy(curl_easy_init(), curl_easy_cleanup);
    if (!easy) return fail(ErrorCode::unavailable, "no memory to read a URL");
    set_up(easy.get(), url, fetching);
    const HeaderLines headers = header_lines(options);
    if (headers) curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
    if (!options.form.empty())
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, options.form.c_str());
    if (!options.body.empty()) {
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(options.body.size()));
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, options.body.data());
    }
    // What names us or carries a form goes nowhere else.
    if (headers || !options.form.empty()) curl_easy_setopt(easy.get(), CURLOPT_FOLLOWLOCATION, 0L);
    if (fetching.go_on) {
        curl_easy_setopt(easy.get(), CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(easy.get(), CURLOPT_XFERINFOFUNCTION, tell_progress);
        curl_easy_setopt(easy.get(), CURLOPT_XFERINFODATA, &fetching);
        curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_TIME, 60L);
    }
    const CURLcode code = curl_easy_perform(easy.get());
    if (fetching.failure) return fail(*std::move(fetching.failure));
    if (fetching.refused)
        return fail(ErrorCode::denied,
                    "the URL leads to an address that is not public; the operator can allow such "
                    "addresses with fetch.private_addresses");
    if (fetching.too_large)
        return fail(ErrorCode::exhausted,
                    fmt::format("the URL's content is larger than {} bytes", options.bytes_max));
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return fail(ErrorCode::cancelled, "the reading of the URL was stopped");
    if (code == CURLE_TOO_MANY_REDIRECTS)
        return fail(ErrorCode::invalid_input, "the URL redirects too often");
    if (code != CURLE_OK)
        return fail(ErrorCode::unavailable,
                    fmt::format("the URL could not be read: {}", curl_easy_strerror(code)));
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    const bool is_good = options.body.empty() ? status == 200 : status / 100 == 2;
    if (!is_good)
        return fail(ErrorCode::unavailable, fmt::format("the URL answered with status {}", status));
    return {};
}

}  // namespace

bool is_public_address(std::string_view address) {
    const std::string text(address);
    std::uint8_t bytes[16];
    if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return is_public_v4(bytes);
    if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return is_public_v6(bytes);
    return false;
}

Result<std::string> fetch(std::string_view url, const FetchOptions& options) {
    Fetching fetching{options, {}};
    TRY(perform(url, fetching));
    return std::move(fetching.body);
}

Result<std::uint64_t> fetch_to_file(
    std::string_view url, File& file, const FetchOptions& options,
    const std::function<bool(std::uint64_t, std::uint64_t)>& go_on) {
    Fetching fetching{options, {}};
    fetching.file = &file;
    fetching.go_on = go_on;
    TRY(perform(url, fetching));
    return fetching.bytes;
}

}  // namespace stroma::front::http
