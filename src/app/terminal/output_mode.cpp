#include "app/terminal/output_mode.h"

#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>

namespace stroma::app {
namespace {

/// umask(2) can't be asked without being set, which other threads would see.
mode_t current_umask() {
    std::ifstream status("/proc/self/status");
    constexpr std::string_view name = "Umask:\t";
    for (std::string line; std::getline(status, line);) {
        unsigned mask = 0;
        if (line.starts_with(name) &&
            std::from_chars(line.data() + name.size(), line.data() + line.size(), mask, 8).ec ==
                std::errc())
            return mask;
    }
    return 077;
}

Result<void> set_mode(const fs::path& path, mode_t mask) {
    const mode_t most = fs::is_directory(path) ? 0777 : 0666;
    if (::chmod(path.c_str(), most & ~mask) == 0 || errno == EPERM) return {};
    return fail(error_from_errno("setting the mode of", path.string(), errno));
}

}  // namespace

Result<void> apply_umask(const fs::path& output) {
    const mode_t mask = current_umask();
    std::error_code error;
    if (fs::is_directory(output, error))
        for (const auto& entry : fs::recursive_directory_iterator(output, error))
            TRY(set_mode(entry.path(), mask));
    if (error)
        return fail(ErrorCode::unavailable, "reading " + output.string() + ": " + error.message());
    return set_mode(output, mask);
}

}  // namespace stroma::app
