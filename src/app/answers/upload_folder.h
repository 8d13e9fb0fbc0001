#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/context.h"
#include "base/file.h"
#include "front/api/api_domain.h"

namespace stroma::app {

/// Files on their way in: each a folder of its own with a record and the bytes so far, so that an
/// upload goes on after a restart. Any thread; one append at a time.
class UploadFolder {
public:
    struct Limits {
        std::uint64_t file_bytes_max;
        std::uint64_t owner_bytes_max;  ///< of all files that one user has on their way
        Milliseconds idle_max;          ///< then it is removed
    };
    UploadFolder(fs::path folder, const Clock& clock, IdSource& ids, Limits limits)
        : folder_(std::move(folder)), clock_(clock), ids_(ids), limits_(limits) {}

    /// errors  exhausted  larger than upload.file_max (at /size), or more than upload.user_max
    ///                    with what the owner has here already
    ///         invalid_input  a name that isn't plain
    Result<front::api::Upload> create(std::string_view owner, std::string_view name,
                                      std::uint64_t size_bytes);
    Result<std::optional<front::api::Upload>> find(std::string_view id);
    /// errors  conflict  offset isn't where the bytes end     exhausted  past the announced size
    Result<front::api::Upload> append(std::string_view id, std::uint64_t offset,
                                      const std::function<Result<Bytes>()>& next);
    Result<void> remove(std::string_view id);
    /// The file under its own name. conflict when bytes are missing.
    Result<fs::path> path_of_complete(std::string_view id);

private:
    Result<void> remove_idle();
    Result<std::uint64_t> announced_by(std::string_view owner);

    fs::path folder_;
    const Clock& clock_;
    IdSource& ids_;
    Limits limits_;
    std::mutex mutex_, create_mutex_;
};

}  // namespace stroma::app
