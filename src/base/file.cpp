#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "base/crash_states.h"

namespace stroma {
namespace {

struct FaultState {
    FaultPlan plan;
    std::atomic<std::uint64_t> passed{0};
};

FaultPlan plan_from_environment() {
    const char* text = std::getenv("STROMA_FAULT");
    if (text == nullptr) return {};
    char* end = nullptr;
    FaultPlan plan{.at = std::strtoull(text, &end, 10)};
    const std::string_view how = *end == ':' ? end + 1 : "";
    if (how == "ever") plan.kind = FaultPlan::Kind::ever_after;
    if (how == "kill") plan.kind = FaultPlan::Kind::kill;
    if (how == "torn") plan.kind = FaultPlan::Kind::torn_write;
    return plan;
}

FaultState& faults() {
    static FaultState state{plan_from_environment()};
    return state;
}

/// 0, or the errno with which this change must fail. A kill plan doesn't return.
int fault_now() {
    FaultState& state = faults();
    const std::uint64_t number = ++state.passed;
    if (state.plan.at == 0 || number < state.plan.at) return 0;
    if (number > state.plan.at && state.plan.kind != FaultPlan::Kind::ever_after) return 0;
    if (state.plan.kind == FaultPlan::Kind::kill) std::raise(SIGKILL);
    return state.plan.error_number;
}

/// Tells a test's recording, if there is one.
void made(FileChange::Kind kind, const std::string& path, std::uint64_t offset = 0,
          ByteSpan bytes = {}, const std::string& to = "") {
    if (are_changes_recorded())
        record_change({.kind = kind,
                       .path = path,
                       .to = to,
                       .offset = offset,
                       .bytes = std::string(as_text(bytes))});
}

Result<File> open_with(const fs::path& path, int flags, std::string_view doing) {
    if ((flags & O_CREAT) != 0)
        if (const int fault = fault_now())
            return fail(error_from_errno(doing, path.string(), fault));
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (descriptor >= 0) {
        if ((flags & O_CREAT) != 0) made(FileChange::Kind::create, path.string());
        return File(descriptor, path.string());
    }
    if (errno == EEXIST) return fail(ErrorCode::already_exists, path.string() + " exists");
    return fail(error_from_errno(doing, path.string(), errno));
}

}  // namespace

void set_fault_plan(const FaultPlan& plan) {
    faults().plan = plan;
    faults().passed = 0;
}

std::uint64_t fault_points_passed() { return faults().passed; }

File::File(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), name_(std::move(other.name_)) {}
File& File::operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(name_, other.name_);
    return *this;
}
File::~File() { close(); }

void File::close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Result<File> File::open_to_read(const fs::path& path) {
    return open_with(path, O_RDONLY, "opening");
}
Result<File> File::create(const fs::path& path) {
    return open_with(path, O_RDWR | O_CREAT | O_EXCL, "creating");
}
Result<File> File::open_to_write(const fs::path& path) {
    return open_with(path, O_RDWR | O_CREAT, "opening");
}
Result<File> File::temporary(const fs::path& folder) {
    return open_with(folder, O_RDWR | O_TMPFILE, "making a temporary file in");
}

Result<std::uint64_t> File::size() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0)
        return fail(error_from_errno("reading the size of", name_, errno));
    return static_cast<std::uint64_t>(status.st_size);
}

Result<void> File::read_at(std::uint64_t offset, std::span<std::byte> into) const {
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t got = ::pread(descriptor_, into.data() + done, into.size() - done,
                                    static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(error_from_errno("reading", name_, errno));
        if (got == 0)
            return fail(ErrorCode::corrupt, name_ + " ends at byte " +
                                                std::to_string(offset + done) + ", before " +
                                                std::to_string(offset + into.size()));
        done += static_cast<std::size_t>(got);
    }
    return {};
}

Result<void> File::write_at(std::uint64_t offset, ByteSpan bytes) {
    if (const int fault = fault_now()) {
        if (faults().plan.kind == FaultPlan::Kind::torn_write)
            (void)!::pwrite(descriptor_, bytes.data(), bytes.size() / 2,
                            static_cast<off_t>(offset));
        return fail(error_from_errno("writing", name_, fault));
    }
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t put = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                     static_cast<off_t>(offset + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail(error_from_errno("writing", name_, errno));
        done += static_cast<std::size_t>(put);
    }
    made(FileChange::Kind::write, name_, offset, bytes);
    return {};
}

Result<void> File::truncate(std::uint64_t size) {
    if (const int fault = fault_now()) return fail(error_from_errno("truncating", name_, fault));
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0)
        return fail(error_from_errno("truncating", name_, errno));
    made(FileChange::Kind::truncate, name_, size);
    return {};
}

Result<void> File::sync() {
    if (const int fault = fault_now()) return fail(error_from_errno("syncing", name_, fault));
    if (::fdatasync(descriptor_) != 0) return fail(error_from_errno("syncing", name_, errno));
    made(FileChange::Kind::sync, name_);
    return {};
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<MappedFile> MappedFile::map(const File& file) {
    const std::uint64_t size = TRY(file.size());
    MappedFile mapped;
    if (size == 0) return mapped;
    void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
    if (at == MAP_FAILED) return fail(error_from_errno("mapping", file.name(), errno));
    mapped.bytes_ = {static_cast<const std::byte*>(at), size};
    return mapped;
}

Result<std::string> read_file(const fs::path& path, std::uint64_t bytes_max) {
    const File file = TRY(File::open_to_read(path));
    const std::uint64_t size = TRY(file.size());
    if (size > bytes_max)
        return fail(ErrorCode::exhausted, path.string() + " has " + std::to_string(size) +
                                              " bytes; the limit is " + std::to_string(bytes_max));
    std::string text(size, '\0');
    TRY(file.read_at(0, std::as_writable_bytes(std::span(text))));
    return text;
}

Result<void> replace_file(const fs::path& path, ByteSpan bytes) {
    const fs::path temporary = path.string() + ".tmp";
    TRY(remove_file(temporary));
    File file = TRY(File::create(temporary));
    TRY(file.write_at(0, bytes));
    TRY(file.sync());
    TRY(rename_file(temporary, path));
    return sync_folder(path.parent_path());
}

Result<void> rename_file(const fs::path& from, const fs::path& to) {
    if (const int fault = fault_now())
        return fail(error_from_errno("renaming", from.string(), fault));
    if (::rename(from.c_str(), to.c_str()) != 0)
        return fail(error_from_errno("renaming", from.string(), errno));
    made(FileChange::Kind::rename, from.string(), 0, {}, to.string());
    return {};
}

Result<void> link_file(const fs::path& from, const fs::path& to) {
    if (const int fault = fault_now())
        return fail(error_from_errno("linking", from.string(), fault));
    if (::link(from.c_str(), to.c_str()) == 0) {
        made(FileChange::Kind::link, from.string(), 0, {}, to.string());
        return {};
    }
    if (errno == EEXIST) return fail(ErrorCode::already_exists, to.string() + " exists");
    return fail(error_from_errno("linking", from.string(), errno));
}

Result<bool> remove_file(const fs::path& path) {
    if (const int fault = fault_now())
        return fail(error_from_errno("removing", path.string(), fault));
    if (::unlink(path.c_str()) == 0) {
        made(FileChange::Kind::remove, path.string());
        return true;
    }
    if (errno == ENOENT) return false;
    return fail(error_from_errno("removing", path.string(), errno));
}

Result<void> make_folders(const fs::path& path) {
    if (path.empty() || fs::is_directory(path)) return {};
    const fs::path parent = path.parent_path();
    if (parent != path) TRY(make_folders(parent));
    if (const int fault = fault_now())
        return fail(error_from_errno("making folder", path.string(), fault));
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(error_from_errno("making folder", path.string(), errno));
    made(FileChange::Kind::make_folder, path.string());
    return sync_folder(parent.empty() ? fs::path(".") : parent);
}

Result<void> sync_folder(const fs::path& path) {
    if (const int fault = fault_now())
        return fail(error_from_errno("syncing folder", path.string(), fault));
    const int descriptor =
        ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return fail(error_from_errno("opening folder", path.string(), errno));
    const File folder(descriptor, path.string());
    if (::fsync(descriptor) != 0)
        return fail(error_from_errno("syncing folder", path.string(), errno));
    made(FileChange::Kind::sync_folder, path.string());
    return {};
}

}  // namespace stroma
