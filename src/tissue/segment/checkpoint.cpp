#include "tissue/segment/checkpoint.h"

#include <atomic>

namespace stroma::tissue {
namespace {

constexpr const char* boot_file = "boot";

/// Changes when the machine starts anew, and from machine to machine.
Result<std::string> this_boot() { return read_file("/proc/sys/kernel/random/boot_id"); }

}  // namespace

Result<Checkpoint> Checkpoint::open(const fs::path& folder, const fs::path& scratch,
                                    std::size_t steps, std::size_t tiles) {
    Checkpoint opened;
    opened.scratch_ = scratch;
    opened.tiles_ = tiles;
    if (!folder.empty()) {
        const std::string boot = TRY(this_boot());
        const auto known = read_file(folder / boot_file);
        if (!known || *known != boot) {
            std::error_code ignored;
            fs::remove_all(folder, ignored);
            TRY(make_folders(folder));
            TRY(replace_file(folder / boot_file, as_bytes(boot)));
        }
        opened.folder_ = folder;
    }
    opened.marks_ = TRY(opened.plane<std::uint16_t>("marks", tiles, steps));
    return opened;
}

bool Checkpoint::is_done(std::size_t step, std::size_t tile) const {
    return std::atomic_ref(marks_.row(step)[tile]).load(std::memory_order_acquire) != 0;
}

void Checkpoint::mark(std::size_t step, std::size_t tile) {
    std::atomic_ref(marks_.row(step)[tile]).store(1, std::memory_order_release);
}

std::size_t Checkpoint::count_done() const {
    std::size_t done = 0;
    for (std::size_t step = 0; step < marks_.height(); ++step)
        for (std::size_t tile = 0; tile < tiles_; ++tile) done += is_done(step, tile) ? 1 : 0;
    return done;
}

Result<void> Checkpoint::forget(const char* name) const {
    if (!folder_.empty()) TRY(remove_file(folder_ / name));
    return {};
}

Bytes Checkpoint::note(const char* name) const {
    if (folder_.empty()) return {};
    const auto text = read_file(folder_ / name, std::uint64_t{8} << 30);
    if (!text) return {};
    const ByteSpan bytes = as_bytes(*text);
    return {bytes.begin(), bytes.end()};
}

Result<void> Checkpoint::put_note(const char* name, ByteSpan bytes) const {
    return folder_.empty() ? Result<void>{} : replace_file(folder_ / name, bytes);
}

}  // namespace stroma::tissue
