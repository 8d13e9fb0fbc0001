#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace stroma::flow {

struct OutputFile {
    std::string name;  ///< within its folder, without ".."
    std::uint64_t bytes = 0;
    std::string hash;  ///< of its bytes: ContentHash
};

/// What a task made, as its outputs.json says and its files are.
struct Manifest {
    std::vector<OutputFile> files;                            ///< by name
    std::map<std::string, std::vector<std::string>> outputs;  ///< names of files, in order
    std::string summary;                                      ///< a JSON value
    std::vector<std::string> pictures;

    std::uint64_t bytes() const;
    /// One hash of all of it but the summary's and the pictures' words.
    std::string hash() const;
    const OutputFile* find(std::string_view file) const;
    std::string json() const;
    static Result<Manifest> from_json(std::string_view json);
};

/// The hash of a file's bytes. errors  cancelled
Result<std::string> hash_of_file(const fs::path& path, const std::function<bool()>& cancelled = {});

/// Reads and checks outputs.json of a finished task and hashes every file that it names; `promised`
/// must be among the outputs. Files are made read-only and reach the disk.
/// errors  invalid_input  it breaks the contract: says how
Result<Manifest> take_manifest(const fs::path& folder, const std::vector<std::string>& promised);

/// The folders of outputs, by key. Any thread.
class OutputStore {
public:
    explicit OutputStore(fs::path folder) : folder_(std::move(folder)) {}

    fs::path path_of(std::string_view key) const;
    /// Moves a finished folder in; durable. What lay there without anybody knowing of it goes.
    Result<void> put(std::string_view key, const fs::path& from);
    Result<void> remove(std::string_view key);
    /// Whether all files of the manifest are there with their sizes.
    bool has(std::string_view key, const Manifest& manifest) const;
    /// Takes away every folder whose key isn't known; gives how many.
    int sweep(const std::function<bool(const std::string& key)>& is_known);

private:
    fs::path folder_;
};

}  // namespace stroma::flow
