#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sync/bandwidth.h"

namespace stroma::sync {

/// An object as a store lists it.
struct StoredObject {
    std::string key;
    std::uint64_t size = 0;
    std::string etag;  ///< without quotes
};

/// Bytes on their way, and their SHA-256, which the store checks.
struct Sendable {
    std::string_view bytes;
    std::string sha256;  ///< hexadecimal
};

/// Where objects go: one connection to one bucket. Used by one thread.
/// errors  unavailable  may be tried again      denied  not with these keys
///         not_found    no such bucket, or the upload is gone
class Destination {
public:
    virtual ~Destination() = default;
    /// Gives the object's ETag, as the parts' calls give the part's.
    virtual Result<std::string> put(const std::string& key, const Sendable& body) = 0;
    virtual Result<std::string> begin_upload(const std::string& key) = 0;
    virtual Result<std::string> put_part(const std::string& key, const std::string& upload,
                                         int number, const Sendable& body) = 0;
    /// ETags of the parts that the store has, by number.
    virtual Result<std::map<int, std::string>> parts(const std::string& key,
                                                     const std::string& upload) = 0;
    /// The ETags in order of the parts, of which the first is 1.
    virtual Result<std::string> complete_upload(const std::string& key, const std::string& upload,
                                                const std::vector<std::string>& etags) = 0;
    /// Well done also when the upload is gone.
    virtual Result<void> abandon_upload(const std::string& key, const std::string& upload) = 0;
    virtual Result<std::optional<StoredObject>> find(const std::string& key) = 0;
    virtual Result<void> list(const std::string& prefix,
                              const std::function<Result<void>(const StoredObject&)>& take) = 0;
    virtual Result<void> remove(const std::string& key) = 0;
};

/// Opens one more connection, which sends at that pace.
using OpenDestination =
    std::function<Result<std::unique_ptr<Destination>>(Pace& pace, std::stop_token stop)>;

}  // namespace stroma::sync
