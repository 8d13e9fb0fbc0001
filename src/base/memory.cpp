#include "base/memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace stroma {
namespace {

/// What one file of a limit says; `unlimited` for "max", and for no such file.
std::uint64_t limit_in(const fs::path& path, std::uint64_t unlimited) {
    const auto text = read_file(path, 64);
    std::uint64_t limit = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), limit).ec != std::errc())
        return unlimited;
    return std::min(limit, unlimited);
}

/// Of a group and all that it is in. In a container the group's path may be that of the host, and
/// only the root is there.
std::uint64_t limit_along(const fs::path& root, std::string_view group, const char* file,
                          std::uint64_t unlimited) {
    std::uint64_t least = limit_in(root / file, unlimited);
    fs::path folder = root;
    for (const fs::path& part : fs::path(group).relative_path()) {
        if (part == "..") return least;
        folder /= part;
        least = std::min(least, limit_in(folder / file, unlimited));
    }
    return least;
}

}  // namespace

std::uint64_t control_group_memory(std::string_view groups, const fs::path& mounted,
                                   std::uint64_t unlimited) {
    std::uint64_t least = unlimited;
    while (!groups.empty()) {
        const std::string_view line = groups.substr(0, groups.find('\n'));
        groups.remove_prefix(std::min(groups.size(), line.size() + 1));
        // "4:memory:/a/b" of version 1, "0::/a/b" of version 2
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        const std::string_view kinds = line.substr(first + 1, second - first - 1);
        const std::string_view group = line.substr(second + 1);
        if (kinds.empty())
            least = std::min(least, limit_along(mounted, group, "memory.max", unlimited));
        else if (("," + std::string(kinds) + ",").find(",memory,") != std::string::npos)
            least = std::min(
                least, limit_along(mounted / "memory", group, "memory.limit_in_bytes", unlimited));
    }
    return least;
}

std::uint64_t usable_memory() {
    static const std::uint64_t bytes = [] {
        const std::uint64_t machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                      static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        const auto groups = read_file("/proc/self/cgroup");
        return groups ? control_group_memory(*groups, "/sys/fs/cgroup", machine) : machine;
    }();
    return bytes;
}

}  // namespace stroma
