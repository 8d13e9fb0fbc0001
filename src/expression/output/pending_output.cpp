#include "expression/output/pending_output.h"

#include <system_error>
#include <utility>

namespace stroma::expression {

PendingOutput::PendingOutput(fs::path path, fs::path working)
    : path_(std::move(path)), working_(std::move(working)) {}

PendingOutput::PendingOutput(PendingOutput&& other) noexcept
    : path_(std::move(other.path_)), working_(std::exchange(other.working_, {})) {}

PendingOutput::~PendingOutput() {
    std::error_code ignored;
    if (!working_.empty()) fs::remove_all(working_, ignored);
}

Result<PendingOutput> PendingOutput::start(const fs::path& path) {
    std::error_code error;
    const fs::path whole = fs::absolute(path, error);
    if (error || !whole.has_filename())
        return fail(ErrorCode::invalid_input, "'" + path.string() + "' is not the name of a file");
    if (fs::exists(fs::symlink_status(whole, error)))
        return fail(ErrorCode::already_exists, path.string() + " exists");
    const fs::path working = whole.parent_path() / ("." + whole.filename().string() + ".partial");
    // What a crash left there is nobody's.
    fs::remove_all(working, error);
    if (error) return fail(error_from_errno("removing", working.string(), error.value()));
    return PendingOutput(whole, working);
}

Result<void> PendingOutput::make_folders(const fs::path& folder) const {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return fail(error_from_errno("making folder", folder.string(), error.value()));
    return {};
}

Result<void> PendingOutput::commit(bool durable) {
    std::error_code error;
    if (fs::exists(fs::symlink_status(path_, error)))
        return fail(ErrorCode::already_exists, path_.string() + " was made by someone else");
    if (durable && fs::is_directory(working_, error)) {
        TRY(sync_folder(working_));
        for (const auto& entry : fs::recursive_directory_iterator(working_, error))
            if (entry.is_directory()) TRY(sync_folder(entry.path()));
    }
    TRY(rename_file(working_, path_));
    // From here on the output goes by its own name, and so it is removed by it.
    working_ = path_;
    if (durable) TRY(sync_folder(path_.parent_path()));
    working_.clear();
    return {};
}

Result<void> write_new_file(const fs::path& path, ByteSpan bytes, bool durable) {
    File file = TRY(File::create(path));
    TRY(file.write_at(0, bytes));
    if (durable) TRY(file.sync());
    return {};
}

}  // namespace stroma::expression
