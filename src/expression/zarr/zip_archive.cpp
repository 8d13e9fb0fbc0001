#include "expression/zarr/zip_archive.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <memory>

namespace stroma::expression {
namespace {

constexpr std::size_t members_max = 100'000, name_bytes_max = 1024;
constexpr std::uint64_t directory_bytes_max = 256u << 20;

tl::unexpected<Error> bad(const File& file, std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("{}: {}", file.name(), what));
}

/// Why a member's name is refused, "" when it is fine.
std::string_view name_problem(std::string_view name) {
    if (name.empty() || name.front() == '/' || name.find('\\') != std::string_view::npos ||
        name.find('\0') != std::string_view::npos || (name.size() > 1 && name[1] == ':'))
        return "is not a relative name";
    std::string_view rest = name;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('/'), rest.size());
        if (rest.substr(0, end) == "..") return "leaves the archive";
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

struct DirectoryPlace {
    std::uint64_t at = 0, bytes = 0, members = 0;
};

}  // namespace

Result<ZipArchive> ZipArchive::open(File file) {
    ZipArchive archive;
    archive.file_ = std::move(file);
    TRY(archive.read_directory());
    return archive;
}

Result<void> ZipArchive::read_directory() {
    const std::uint64_t size = TRY(file_.size());
    const std::uint64_t tail_bytes = std::min<std::uint64_t>(size, 65557 + 20);
    Bytes tail(tail_bytes);
    TRY(file_.read_at(size - tail_bytes, tail));
    std::size_t at = tail.size();
    for (std::size_t i = tail.size() >= 22 ? tail.size() - 22 + 1 : 0; i-- > 0;)
        if (load<std::uint32_t>(tail.data() + i) == 0x06054b50) {
            at = i;
            break;
        }
    if (at == tail.size()) return bad(file_, "not a zip file, or cut short");
    DirectoryPlace place{load<std::uint32_t>(tail.data() + at + 16),
                         load<std::uint32_t>(tail.data() + at + 12),
                         load<std::uint16_t>(tail.data() + at + 10)};
    if (at >= 20 && load<std::uint32_t>(tail.data() + at - 20) == 0x07064b50) {
        const auto record_at = load<std::uint64_t>(tail.data() + at - 20 + 8);
        std::byte record[56];
        if (record_at > size || size - record_at < sizeof record)
            return bad(file_, "its zip64 record lies outside");
        TRY(file_.read_at(record_at, record));
        if (load<std::uint32_t>(record) != 0x06064b50)
            return bad(file_, "its zip64 record is damaged");
        place = {load<std::uint64_t>(record + 48), load<std::uint64_t>(record + 40),
                 load<std::uint64_t>(record + 32)};
    }
    if (place.members > members_max)
        return fail(ErrorCode::exhausted, fmt::format("{}: {} members; the limit is {}",
                                                      file_.name(), place.members, members_max));
    if (place.at > size || place.bytes > size - place.at || place.bytes > directory_bytes_max)
        return bad(file_, "its directory lies outside the file");
    Bytes directory(place.bytes);
    TRY(file_.read_at(place.at, directory));
    ByteSpan rest = directory;
    for (std::uint64_t i = 0; i < place.members; ++i) {
        if (rest.size() < 46 || load<std::uint32_t>(rest.data()) != 0x02014b50)
            return bad(file_, "its directory is damaged");
        const std::size_t bytes = 46u + load<std::uint16_t>(rest.data() + 28) +
                                  load<std::uint16_t>(rest.data() + 30) +
                                  load<std::uint16_t>(rest.data() + 32);
        if (rest.size() < bytes) return bad(file_, "its directory is damaged");
        TRY(add_member(rest.first(bytes), size));
        rest = rest.subspan(bytes);
    }
    return {};
}

Result<void> ZipArchive::add_member(ByteSpan record, std::uint64_t packed_in_all) {
    const std::byte* at = record.data();
    const std::size_t name_bytes = load<std::uint16_t>(at + 28);
    const std::string name(as_text(record.subspan(46, name_bytes)));
    const auto refuse = [&](std::string_view why) {
        return bad(file_, fmt::format("member '{}' {}", name.substr(0, 200), why));
    };
    if (name_bytes > name_bytes_max) return refuse("has a name of more than 1,024 bytes");
    if (const std::string_view problem = name_problem(name); !problem.empty())
        return refuse(problem);
    const std::uint32_t mode = load<std::uint32_t>(at + 38) >> 16;
    if ((mode & 0170000) == 0120000) return refuse("is a symbolic link");
    if (name.back() == '/') return {};
    const std::uint16_t flags = load<std::uint16_t>(at + 8), method = load<std::uint16_t>(at + 10);
    if ((flags & 1) != 0) return refuse("is encrypted");
    if (method != 0 && method != 8) return refuse("is packed by a method that isn't read");
    Member member{load<std::uint32_t>(at + 42), load<std::uint32_t>(at + 20),
                  load<std::uint32_t>(at + 24), load<std::uint32_t>(at + 16), method == 8};
    ByteSpan extra = record.subspan(46 + name_bytes, load<std::uint16_t>(at + 30));
    while (extra.size() >= 4) {
        const std::size_t bytes = load<std::uint16_t>(extra.data() + 2);
        if (bytes > extra.size() - 4) return refuse("has a damaged extra field");
        if (load<std::uint16_t>(extra.data()) == 1) {
            ByteSpan values = extra.subspan(4, bytes);
            for (std::uint64_t* value : {&member.bytes, &member.packed_bytes, &member.header_at}) {
                if (*value != 0xffffffff) continue;
                if (values.size() < 8) return refuse("has a damaged zip64 field");
                *value = load<std::uint64_t>(values.data());
                values = values.subspan(8);
            }
        }
        extra = extra.subspan(4 + bytes);
    }
    if (member.packed_bytes > packed_in_all || member.header_at > packed_in_all)
        return refuse("lies outside the file");
    if (member.bytes / 200 > member.packed_bytes + (64u << 20) / 200)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: bomb: member '{}' unpacks {} bytes to {}", file_.name(), name,
                                member.packed_bytes, member.bytes));
    if (!members_.emplace(name, member).second) return refuse("occurs twice");
    return {};
}

Result<std::uint64_t> ZipArchive::data_at(const std::string& name, const Member& member) const {
    std::byte header[30];
    TRY(file_.read_at(member.header_at, header));
    if (load<std::uint32_t>(header) != 0x04034b50)
        return bad(file_, fmt::format("member '{}' has no header", name));
    return member.header_at + 30u + load<std::uint16_t>(header + 26) +
           load<std::uint16_t>(header + 28);
}

Result<void> ZipArchive::read_packed(const std::string& name, std::uint64_t offset,
                                     std::span<std::byte> into) const {
    const auto found = members_.find(name);
    if (found == members_.end())
        return fail(ErrorCode::not_found, file_.name() + " has no member " + name);
    const std::uint64_t begin = TRY(data_at(name, found->second));
    return file_.read_at(begin + offset, into);
}

Result<Bytes> ZipArchive::read(const std::string& name, std::uint64_t bytes_max) const {
    const auto found = members_.find(name);
    if (found == members_.end())
        return fail(ErrorCode::not_found, file_.name() + " has no member " + name);
    const Member& member = found->second;
    const auto damaged = [&](std::string_view how) {
        return bad(file_, fmt::format("member '{}' {}", name, how));
    };
    if (member.bytes > bytes_max)
        return fail(ErrorCode::exhausted, fmt::format("{}: member '{}' has {} bytes; the limit is "
                                                      "{}",
                                                      file_.name(), name, member.bytes, bytes_max));
    const std::uint64_t begin = TRY(data_at(name, member));
    Bytes packed(member.packed_bytes);
    TRY(file_.read_at(begin, packed));
    Bytes bytes;
    if (!member.is_deflated) {
        bytes = std::move(packed);
    } else {
        bytes.resize(member.bytes);
        const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflate(
            libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
        if (libdeflate_deflate_decompress(inflate.get(), packed.data(), packed.size(), bytes.data(),
                                          bytes.size(), nullptr) != LIBDEFLATE_SUCCESS)
            return damaged("is damaged");
    }
    if (bytes.size() != member.bytes ||
        libdeflate_crc32(0, bytes.data(), bytes.size()) != member.crc32)
        return damaged("fails its checksum");
    return bytes;
}

}  // namespace stroma::expression
