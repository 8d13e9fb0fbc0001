#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "flow/stored/output_store.h"

namespace stroma::flow {

/// Outputs that nobody needs at once: a second folder, on another disk perhaps, with a folder for
/// each key. A file of the manifest lies there under its number, as it is or, with ".zst" behind
/// it, as one zstd frame where that takes less; the manifest itself is beside them, so that the
/// archive can be read without a database. Any thread, one at a time for each key.
class ColdStore {
public:
    explicit ColdStore(fs::path folder) : folder_(std::move(folder)) {}

    fs::path path_of(std::string_view key) const;
    /// Copies the output of that folder and reads the copy again: it is durable and holds what the
    /// manifest says when this returns. What lay there before is replaced. Gives the bytes it
    /// takes. errors  corrupt  the folder doesn't hold what the manifest says; cancelled
    Result<std::uint64_t> put(std::string_view key, const Manifest& manifest, const fs::path& from,
                              const std::function<bool()>& cancelled);
    /// Writes the output's files into a folder that is made, durable, read-only and checked.
    /// errors  corrupt, not_found, cancelled
    Result<void> take_out(std::string_view key, const Manifest& manifest, const fs::path& to,
                          const std::function<bool()>& cancelled) const;
    /// Reads it whole. errors  corrupt, not_found, cancelled
    Result<void> verify(std::string_view key, const Manifest& manifest,
                        const std::function<bool()>& cancelled) const;
    bool has(std::string_view key) const;
    void remove(std::string_view key);
    /// Takes away every folder whose key isn't known, and what was left half.
    void sweep(const std::function<bool(const std::string& key)>& is_known);

private:
    fs::path folder_;
};

}  // namespace stroma::flow
