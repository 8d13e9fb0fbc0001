#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace stroma::front::http {

struct FetchOptions {
    std::uint64_t bytes_max = 16u << 20;
    int seconds_max = 20;  ///< in all, redirects included
    int redirects_max = 4;
    /// Lets loopback, private and link-local addresses be reached: for sites whose sources are in
    /// their own network, and for tests.
    bool allow_private = false;
    /// POSTs this form ("a=1&b=2") when it isn't empty; redirects are not followed then.
    std::string form;
    std::string authorization;  ///< value of that header; never sent to a redirect's target
    /// POSTs this body with these headers, in place of a form; any status of 200 to 299 is good.
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

/// The body that a URL named by a stranger answers with status 200. Only http and https, no
/// credentials in the URL, no proxy of the environment. The address is checked in the moment it
/// is connected to, for every redirect too, so a name that changes its address gains nothing.
/// errors  invalid_input  not such a URL        denied     its address is not a public one
///         exhausted      larger than bytes_max unavailable  no answer in time, or not 200
Result<std::string> fetch(std::string_view url, const FetchOptions& options = {});

/// The same into a file, from its start; gives its size. `go_on` is told the bytes so far and in
/// all (0: not known), often, and answers whether to go on. A transfer that stands still for a
/// minute has ended.
/// errors  cancelled  go_on said no
Result<std::uint64_t> fetch_to_file(
    std::string_view url, File& file, const FetchOptions& options,
    const std::function<bool(std::uint64_t done, std::uint64_t total)>& go_on);

/// Whether an address ("10.0.0.1", "::ffff:127.0.0.1") belongs to the public internet. False for
/// what isn't an address, and for every special block of RFC 6890 that could mean this network.
bool is_public_address(std::string_view address);

}  // namespace stroma::front::http
