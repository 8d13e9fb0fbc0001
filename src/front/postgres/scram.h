#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::front::postgres {

/// The server's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), with channel binding by
/// tls-server-end-point (RFC 5929) where there is one. Any of several secrets may be the password:
/// they are random, so one salt serves them all.
class ScramServer {
public:
    /// `salt` is any text that stays the same for the user; `nonce` is fresh; `binding` is the
    /// hash of the certificate, "" without TLS.
    ScramServer(std::string user, std::string salt, int rounds, std::vector<std::string> secrets,
                std::string nonce, std::string binding);

    /// The answer to the client's first message. errors  invalid_input  it breaks the protocol
    Result<std::string> first(std::string_view mechanism, std::string_view message);
    /// The last message, which proves to the client who we are.
    /// errors  denied  the password is none of the secrets   invalid_input
    Result<std::string> last(std::string_view message);

private:
    const std::string user_, salt_;
    const int rounds_;
    const std::vector<std::string> secrets_;
    std::string nonce_;
    const std::string binding_;
    std::string header_, client_first_, server_first_;
};

}  // namespace stroma::front::postgres
