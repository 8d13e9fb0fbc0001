#include "app/answers/upload_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "front/api/api_errors.h"

namespace stroma::app {
namespace {

constexpr std::string_view record_name = "upload.json";

/// The last part of the client's name, if it can be a file's name here.
Result<std::string> plain_name(std::string_view name) {
    const std::string last = fs::path(name).filename().string();
    const bool has_control = std::any_of(last.begin(), last.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == '\\';
    });
    if (last.empty() || last.starts_with('.') || last.size() > 200 || has_control ||
        last == record_name)
        return fail(ErrorCode::invalid_input,
                    "an upload's name is a plain file name of at most 200 bytes");
    return last;
}

bool is_id(std::string_view id) {
    return id.size() == 36 && std::all_of(id.begin(), id.end(), [](char c) {
               return c == '-' || std::isxdigit(static_cast<unsigned char>(c));
           });
}

}  // namespace

Result<front::api::Upload> UploadFolder::create(std::string_view owner, std::string_view name,
                                                std::uint64_t size_bytes) {
    if (size_bytes > limits_.file_bytes_max)
        return fail(front::api::error_at(
            ErrorCode::exhausted, "/size",
            fmt::format("{} bytes are more than one file may have (upload.file_max: {})",
                        size_bytes, limits_.file_bytes_max)));
    front::api::Upload upload;
    upload.id = ids_.uuid();
    upload.name = TRY(plain_name(name));
    upload.owner = owner;
    upload.size_bytes = size_bytes;
    upload.created_ms = clock_.unix_ms();
    upload.expires_ms = upload.created_ms + limits_.idle_max.count();
    const std::lock_guard one_at_a_time(create_mutex_);
    TRY(remove_idle());
    const std::uint64_t announced = TRY(announced_by(owner));
    if (announced > limits_.owner_bytes_max || size_bytes > limits_.owner_bytes_max - announced)
        return fail(ErrorCode::exhausted,
                    fmt::format("with {} bytes on their way already these {} are more than one "
                                "user may have (upload.user_max: {}); import or remove some first",
                                announced, size_bytes, limits_.owner_bytes_max));
    const fs::path own = folder_ / upload.id;
    TRY(make_folders(own));
    TRY(File::create(own / upload.name));
    const Json record = {{"name", upload.name},
                         {"owner", upload.owner},
                         {"size", upload.size_bytes},
                         {"created_ms", upload.created_ms}};
    TRY(replace_file(own / record_name, as_bytes(record.dump())));
    return upload;
}

Result<std::optional<front::api::Upload>> UploadFolder::find(std::string_view id) {
    if (!is_id(id)) return std::nullopt;
    const fs::path own = folder_ / std::string(id);
    const auto text = read_file(own / record_name, 64u << 10);
    if (!text && text.error().code == ErrorCode::not_found) return std::nullopt;
    if (!text) return fail(text.error());
    const Json record = TRY(parse_json(*text));
    front::api::Upload upload;
    upload.id = id;
    upload.name = record.value("name", "");
    upload.owner = record.value("owner", "");
    upload.size_bytes = record.value("size", std::uint64_t{0});
    upload.created_ms = record.value("created_ms", std::int64_t{0});
    const auto file = File::open_to_read(own / upload.name);
    // An import has taken it.
    if (!file && file.error().code == ErrorCode::not_found) return std::nullopt;
    if (!file) return fail(file.error());
    upload.received_bytes = TRY(file->size());
    const auto touched = fs::last_write_time(own / upload.name);
    const auto age =
        std::chrono::duration_cast<Milliseconds>(fs::file_time_type::clock::now() - touched);
    upload.expires_ms = clock_.unix_ms() - age.count() + limits_.idle_max.count();
    if (upload.expires_ms < clock_.unix_ms()) return std::nullopt;  // remove_idle takes it
    return upload;
}

Result<front::api::Upload> UploadFolder::append(std::string_view id, std::uint64_t offset,
                                                const std::function<Result<Bytes>()>& next) {
    const std::lock_guard one_at_a_time(mutex_);
    auto upload = TRY(find(id));
    if (!upload) return fail(ErrorCode::not_found, "no upload '" + std::string(id) + "'");
    if (offset != upload->received_bytes)
        return fail(ErrorCode::conflict, fmt::format("the next byte of this upload is {}, not {}",
                                                     upload->received_bytes, offset));
    File file = TRY(File::open_to_write(folder_ / upload->id / upload->name));
    while (true) {
        const Bytes piece = TRY(next());
        if (piece.empty()) break;
        if (piece.size() > upload->size_bytes - upload->received_bytes)
            return fail(ErrorCode::exhausted,
                        fmt::format("more than the announced {} bytes", upload->size_bytes));
        TRY(file.write_at(upload->received_bytes, piece));
        upload->received_bytes += piece.size();
    }
    TRY(file.sync());
    return *upload;
}

Result<void> UploadFolder::remove(std::string_view id) {
    if (!is_id(id)) return {};
    std::error_code problem;
    fs::remove_all(folder_ / std::string(id), problem);
    if (problem) return fail(ErrorCode::unavailable, "removing the upload: " + problem.message());
    return {};
}

Result<fs::path> UploadFolder::path_of_complete(std::string_view id) {
    const auto upload = TRY(find(id));
    if (!upload) return fail(ErrorCode::not_found, "no upload '" + std::string(id) + "'");
    if (!upload->complete())
        return fail(ErrorCode::conflict,
                    fmt::format("the upload has {} of {} bytes; send the rest first",
                                upload->received_bytes, upload->size_bytes));
    return folder_ / upload->id / upload->name;
}

Result<std::uint64_t> UploadFolder::announced_by(std::string_view owner) {
    std::uint64_t bytes = 0;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(folder_, problem)) {
        const auto upload = TRY(find(entry.path().filename().string()));
        if (upload && upload->owner == owner) bytes += upload->size_bytes;
    }
    return bytes;
}

Result<void> UploadFolder::remove_idle() {
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(folder_, problem)) {
        const auto upload = TRY(find(entry.path().filename().string()));
        const auto age = std::chrono::duration_cast<Milliseconds>(fs::file_time_type::clock::now() -
                                                                  entry.last_write_time(problem));
        if (!upload && age > limits_.idle_max) TRY(remove(entry.path().filename().string()));
    }
    return {};
}

}  // namespace stroma::app
