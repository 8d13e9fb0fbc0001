#include <signal.h>

#include "app/site.h"
#include "base/json.h"

namespace stroma::app {
namespace {
fs::path address_path(const fs::path& data) { return data / "server.json"; }
}  // namespace

Result<void> write_server_address(const fs::path& data, const ServerAddress& address) {
    const Json json = {{"url", address.url},
                       {"token", address.token},
                       {"process", address.process},
                       {"aws", address.aws},
                       {"postgres", address.postgres}};
    return replace_file(address_path(data), as_bytes(json.dump() + "\n"));
}

Result<std::optional<ServerAddress>> read_server_address(const fs::path& data) {
    const auto text = read_file(address_path(data), 64u << 10);
    if (!text && text.error().code == ErrorCode::not_found) return std::nullopt;
    if (!text) return fail(text.error());
    const Json json = TRY_WITH(parse_json(*text), address_path(data).string());
    ServerAddress address{json.value("url", ""), json.value("token", ""),
                          json.value("process", std::int64_t{0}), json.value("aws", ""),
                          json.value("postgres", "")};
    const bool is_alive = ::kill(static_cast<pid_t>(address.process), 0) == 0;
    if (!is_alive) return std::nullopt;  // killed without time to take its file away
    return address;
}

Result<void> remove_server_address(const fs::path& data) {
    TRY(remove_file(address_path(data)));
    return {};
}

}  // namespace stroma::app
