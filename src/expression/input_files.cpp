#include "expression/input_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace stroma::expression {
namespace {

constexpr std::size_t files_max = 1'000'000;
constexpr std::size_t name_bytes_max = 1024;
constexpr int depth_max = 32;

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

/// Opens beneath a folder; the kernel refuses every way out of it.
int open_beneath(int folder, const std::string& name, std::uint64_t flags) {
    open_how how{};
    // A pipe must not make us wait; the kernel takes no such flag beside O_PATH.
    how.flags = flags | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NONBLOCK | O_NOCTTY);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    int opened = -1;
    do {
        opened = static_cast<int>(::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how));
    } while (opened < 0 && (errno == EINTR || errno == EAGAIN));
    return opened;
}

Result<void> check_name(std::string_view name) {
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorCode::invalid_input,
                    "the name '" + std::string(name.substr(0, 100)) + "' " + std::string(why));
    };
    if (name.empty() || name.size() > name_bytes_max) return refuse("is empty or over 1,024 bytes");
    if (name.find('\0') != std::string_view::npos) return refuse("holds a NUL byte");
    if (name.front() == '/') return refuse("is absolute");
    for (std::size_t at = 0; at <= name.size();) {
        const std::size_t end = std::min(name.find('/', at), name.size());
        if (name.substr(at, end - at) == "..") return refuse("leaves its folder");
        at = end + 1;
    }
    return {};
}

/// Only plain files: a pipe or a device would block or have no end.
Result<File> plain_file(int descriptor, std::string name) {
    File file(descriptor, std::move(name));
    struct stat status {};
    if (::fstat(file.descriptor(), &status) != 0)
        return fail(error_from_errno("looking at", file.name(), errno));
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::invalid_input, file.name() + " is not a plain file");
    return file;
}

class OneFile final : public InputFiles {
public:
    OneFile(File file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
    const std::string& name() const override { return name_; }
    bool is_folder() const override { return false; }
    Result<std::vector<std::string>> list() override { return std::vector<std::string>{name_}; }
    Result<File> open(std::string_view name) override {
        if (name != name_)
            return fail(ErrorCode::not_found, "there is no file '" + std::string(name) + "'");
        const int copy = ::fcntl(file_.descriptor(), F_DUPFD_CLOEXEC, 3);
        if (copy < 0) return fail(error_from_errno("opening", name_, errno));
        return File(copy, name_);
    }

private:
    File file_;
    std::string name_;
};

class FolderOfFiles final : public InputFiles {
public:
    FolderOfFiles(File folder, std::string name)
        : folder_(std::move(folder)), name_(std::move(name)) {}
    const std::string& name() const override { return name_; }
    bool is_folder() const override { return true; }
    Result<std::vector<std::string>> list() override;
    Result<File> open(std::string_view name) override;

private:
    Result<void> list_folder(const std::string& path, int depth, std::vector<std::string>& names);
    Result<void> list_entry(const std::string& path, unsigned char kind, int depth,
                            std::vector<std::string>& names);

    File folder_;
    std::string name_;
};

Result<std::vector<std::string>> FolderOfFiles::list() {
    std::vector<std::string> names;
    TRY(list_folder("", 0, names));
    std::sort(names.begin(), names.end());
    return names;
}

Result<void> FolderOfFiles::list_folder(const std::string& path, int depth,
                                        std::vector<std::string>& names) {
    if (depth > depth_max)
        return fail(ErrorCode::exhausted, name_ + ": folders nested deeper than 32");
    const int opened = open_beneath(folder_.descriptor(), path.empty() ? "." : path,
                                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (opened < 0) return fail(error_from_errno("listing", name_ + "/" + path, errno));
    const Folder folder(::fdopendir(opened));
    if (folder == nullptr) {
        ::close(opened);
        return fail(error_from_errno("listing", name_ + "/" + path, errno));
    }
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        const std::string inner = path.empty() ? std::string(name) : path + "/" + entry->d_name;
        TRY(list_entry(inner, entry->d_type, depth, names));
        errno = 0;
    }
    if (errno != 0) return fail(error_from_errno("listing", name_ + "/" + path, errno));
    return {};
}

Result<void> FolderOfFiles::list_entry(const std::string& path, unsigned char kind, int depth,
                                       std::vector<std::string>& names) {
    if (kind == DT_UNKNOWN || kind == DT_LNK) {
        // Links are followed to files inside the folder; linked folders could be circles.
        const int opened = open_beneath(folder_.descriptor(), path, O_PATH);
        if (opened < 0) return {};
        const File target(opened, path);
        struct stat status {};
        if (::fstat(opened, &status) != 0) return {};
        const bool is_link = kind == DT_LNK;
        kind = S_ISREG(status.st_mode)               ? DT_REG
               : S_ISDIR(status.st_mode) && !is_link ? DT_DIR
                                                     : DT_UNKNOWN;
    }
    if (kind == DT_DIR) return list_folder(path, depth + 1, names);
    if (kind != DT_REG) return {};
    if (names.size() >= files_max)
        return fail(ErrorCode::exhausted, name_ + " holds more than 1,000,000 files, the limit");
    names.push_back(path);
    return {};
}

Result<File> FolderOfFiles::open(std::string_view name) {
    TRY(check_name(name));
    const std::string wanted(name);
    const int opened = open_beneath(folder_.descriptor(), wanted, O_RDONLY);
    if (opened >= 0) return plain_file(opened, wanted);
    if (errno == EXDEV || errno == ELOOP)
        return fail(ErrorCode::invalid_input,
                    name_ + "/" + wanted + " is a link that leaves the folder");
    if (errno == ENOENT || errno == ENOTDIR)
        return fail(ErrorCode::not_found, name_ + "/" + wanted + " doesn't exist");
    return fail(error_from_errno("opening", name_ + "/" + wanted, errno));
}

}  // namespace

Result<std::unique_ptr<InputFiles>> open_input(const fs::path& path) {
    // The person who imports names the path, so links in it are theirs to follow.
    const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const fs::path last = path.has_filename() ? path.filename() : path.parent_path().filename();
    if (opened < 0) return fail(error_from_errno("opening", path.string(), errno));
    File file(opened, last.string());
    struct stat status {};
    if (::fstat(opened, &status) != 0)
        return fail(error_from_errno("looking at", path.string(), errno));
    if (S_ISDIR(status.st_mode))
        return std::make_unique<FolderOfFiles>(std::move(file), last.string());
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::invalid_input, path.string() + " is neither a file nor a folder");
    return std::make_unique<OneFile>(std::move(file), last.string());
}

}  // namespace stroma::expression
