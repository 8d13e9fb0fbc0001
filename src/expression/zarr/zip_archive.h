#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/result.h"

namespace stroma::expression {

/// A .zip file's members: stored or deflated, zip64 too. Nothing is ever written to a path.
/// errors at open  invalid_input  not a zip; a member that is absolute, climbs with "..", is a
///                                symbolic link, encrypted, of another method, or named twice
///                 exhausted      over 100,000 members, a name over 1,024 bytes, "bomb": members
///                                that unpack to more than 200 : 1 (past 64 MiB)
/// Format: APPNOTE.TXT 6.3.10 of PKWARE. Safe on any thread.
class ZipArchive {
public:
    static Result<ZipArchive> open(File file);

    struct Member {
        std::uint64_t header_at = 0, packed_bytes = 0, bytes = 0;
        std::uint32_t crc32 = 0;
        bool is_deflated = false;
    };
    /// By name; folders left out.
    const std::map<std::string, Member>& members() const { return members_; }
    /// The unpacked bytes; invalid_input when the member is damaged, exhausted past bytes_max.
    Result<Bytes> read(const std::string& name, std::uint64_t bytes_max) const;
    /// A part of the bytes as they are packed, which must lie within packed_bytes.
    Result<void> read_packed(const std::string& name, std::uint64_t offset,
                             std::span<std::byte> into) const;

private:
    Result<void> read_directory();
    Result<std::uint64_t> data_at(const std::string& name, const Member& member) const;
    Result<void> add_member(ByteSpan record, std::uint64_t packed_in_all);

    File file_;
    std::map<std::string, Member> members_;
};

}  // namespace stroma::expression
