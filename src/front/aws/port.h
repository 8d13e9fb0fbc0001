#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/context.h"
#include "front/aws/call.h"
#include "front/aws/signature.h"
#include "front/http/server.h"

namespace stroma::front::aws {

struct PortOptions {
    std::string account = "000000000000";
    std::string region = "us-east-1";  ///< where a signature names none
    /// Any key, and none, acts as the local administrator; signatures aren't looked at.
    bool any_credentials = false;
    /// Names of this host under which "bucket.name" is a bucket's address, beside localhost.
    std::vector<std::string> domains;
};

/// Who sent a request for S3, and what is needed to read its body.
struct Signed {
    catalog::Principal principal;  ///< anonymous when nobody signed
    Claim claim;
    Bytes signing_key;           ///< of signed chunks; empty when signatures aren't looked at
    std::string bucket_of_host;  ///< of a request addressed as "bucket.host"; "" else
    std::string region, account;
};
/// What answers everything that isn't a service's: S3.
using Rest = std::function<http::Response(http::Request&, const Signed&)>;
/// The words of a refusal of S3, in its protocol.
using RestError = std::function<http::Response(const http::Request&, const Fault&)>;

/// Keys that AssumeRole gave, until they are over; gone with the process. Any thread.
class TemporaryKeys {
public:
    struct Issued {
        std::string id, secret, token;
        std::int64_t expires_ms = 0;
    };
    TemporaryKeys(const Clock& clock, IdSource& ids) : clock_(clock), ids_(ids) {}
    Issued issue(const catalog::Principal& principal, Milliseconds length);
    std::optional<KnownKey> find(std::string_view id);

private:
    struct Kept {
        KnownKey key;
        std::int64_t expires_ms = 0;
    };
    const Clock& clock_;
    IdSource& ids_;
    std::mutex mutex_;
    std::map<std::string, Kept, std::less<>> kept_;
};

/// Finds out who asks for what, and in whose words to answer. Services are added before routes()
/// is called; everything outlives the server. Any thread.
class Port {
public:
    Port(PortOptions options, FindKey find_key, const Clock& clock, IdSource& ids);
    ~Port();

    void add(Service& service) { services_.push_back(&service); }
    void set_rest(Rest rest, RestError error);
    /// One route: everything.
    std::vector<http::Route> routes();
    TemporaryKeys& temporary_keys() { return temporary_; }
    /// What a key id stands for, lasting or temporary; nothing where it is unknown.
    Result<std::optional<KnownKey>> find_key(std::string_view id);

private:
    struct Asked;
    http::Response handle(http::Request& request);
    http::Response call_service(http::Request& request, Asked& asked);
    http::Response call_rest(http::Request& request);
    bool is_nameless(const http::Request& request, const Trust<Claim>& claim) const;
    std::optional<Asked> service_asked(http::Request& request, const Claim* claim) const;
    Trust<catalog::Principal> principal_of(const http::Request& request, const Claim& claim,
                                           std::string_view body_sha256, Bytes* signing_key);
    std::string bucket_of_host(const http::Request& request) const;
    Service* service_with_prefix(std::string_view prefix) const;

    const PortOptions options_;
    const FindKey find_key_;
    const Clock& clock_;
    IdSource& ids_;
    TemporaryKeys temporary_;
    std::vector<Service*> services_;
    Rest rest_;
    RestError rest_error_;
};

}  // namespace stroma::front::aws
