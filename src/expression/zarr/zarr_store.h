#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "expression/input_files.h"
#include "expression/zarr/zip_archive.h"

namespace stroma::expression {

/// The keys and values of a Zarr group ("obs/.zattrs", "X/0.0"), wherever they lie: nested folders,
/// one flat folder with '!' for '/' ("<name>.zarr!X!0.0", as the HCA kept them), or a .zip. Only
/// names that were listed can be read, so no key leads out. Safe on any thread.
class ZarrStore {
public:
    /// errors  invalid_input  no Zarr group there, or more than one
    static Result<std::unique_ptr<ZarrStore>> open(InputFiles& files);

    bool has(std::string_view key) const { return names_.contains(key); }
    /// Stored bytes of a key; 0 when it isn't there.
    std::uint64_t size(std::string_view key) const;
    Result<Bytes> get(std::string_view key) const;
    /// Bytes [offset, offset + count) of a key's value. Of a deflated member of a zip the value is
    /// unpacked whole, and the last one kept.
    /// errors  also  invalid_input  past its end
    Result<Bytes> get_part(std::string_view key, std::uint64_t offset, std::uint64_t count) const;
    /// The group itself or something below it is stored under this path.
    bool has_group(std::string_view path) const;
    /// Names directly below a group ("" is the root), in byte order.
    std::vector<std::string> children(std::string_view path) const;
    /// Where a key lies, for messages.
    std::string place(std::string_view key) const;
    /// The group's own name, without ".zarr".
    const std::string& name() const { return name_; }
    /// Reads from these files from now on, which hold the same names.
    void read_from(InputFiles& files) { files_ = &files; }
    /// Goes one level down: what lay at `path`/x is now x.
    void enter(std::string_view path);

private:
    Result<void> find_root(const std::vector<std::string>& all, std::string_view input);

    InputFiles* files_ = nullptr;
    std::unique_ptr<ZipArchive> zip_;
    std::string zip_name_, name_;
    std::map<std::string, std::string, std::less<>> names_;  ///< key → file or member
    mutable std::mutex unpacked_mutex_;
    mutable std::string unpacked_name_;
    mutable std::shared_ptr<const Bytes> unpacked_;
};

}  // namespace stroma::expression
