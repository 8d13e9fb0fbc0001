#include "app/data_lock.h"

#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/json.h"

namespace stroma::app {
namespace {

/// Checked before anything is opened, so that a later store stays as it is.
Result<void> check_format(const fs::path& data) {
    const fs::path path = data / "store.json";
    auto text = read_file(path, 64u << 10);
    if (!text && text.error().code == ErrorCode::not_found) {
        if (fs::exists(data / "control.db"))
            return fail(ErrorCode::corrupt, path.string() +
                                                " is missing from a used data directory; "
                                                "restore it from a backup");
        return {};
    }
    if (!text) return fail(std::move(text.error()));
    const Json json = TRY_WITH(parse_json(*text), path.string());
    const int format = json.value("format", 0);
    if (format > store_format)
        return fail(ErrorCode::unsupported,
                    fmt::format("{} was written by a later Stroma (store format {}, this one knows "
                                "up to {}); use that version, nothing was changed",
                                data.string(), format, store_format));
    if (format < 1) return fail(ErrorCode::corrupt, path.string() + " names no store format");
    return {};
}

std::string holder_of(const File& file) {
    const auto size = file.size();
    std::string text(size ? std::min<std::uint64_t>(*size, 20) : 0, '\0');
    if (!file.read_at(0, std::as_writable_bytes(std::span(text)))) return "";
    return text;
}

}  // namespace

Result<DataLock> DataLock::take(const fs::path& data) {
    TRY(check_format(data));
    TRY(make_folders(data));
    File file = TRY(File::open_to_write(data / "lock"));
    if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0)
        return fail(ErrorCode::unavailable,
                    fmt::format("{} is in use by process {}", data.string(), holder_of(file)));
    TRY(file.truncate(0));
    TRY(file.write_at(0, as_bytes(std::to_string(::getpid()))));
    if (!fs::exists(data / "store.json"))
        TRY(replace_file(data / "store.json",
                         as_bytes(Json{{"format", store_format}}.dump() + "\n")));
    return DataLock(std::move(file));
}

}  // namespace stroma::app
