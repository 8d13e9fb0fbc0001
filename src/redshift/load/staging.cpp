#include "redshift/load/staging.h"

#include <fmt/format.h>

#include <future>

#include "base/context.h"

namespace stroma::redshift {
namespace {

Result<void> write_all(Pipe& pipe, File& out) {
    for (std::uint64_t at = 0;;) {
        const auto block = TRY(pipe.next());
        if (block.empty()) return {};
        TRY(out.write_at(at, as_bytes(block)));
        at += block.size();
    }
}

Result<void> copy_all(ByteSource& from, Pipe& pipe) {
    for (;;) {
        const auto block = TRY(from.next());
        if (block.empty() || !pipe.write(block)) return {};
    }
}

}  // namespace

Staging::Staging(const fs::path& folder) {
    // No statement of a user's can guess the name.
    IdSource ids;
    folder_ = folder / ids.secret(16);
    std::error_code ignored;
    fs::create_directory(folder_, ignored);
}

Staging::~Staging() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

fs::path Staging::next_path() { return folder_ / fmt::format("{:05}.parquet", count_++); }

Result<fs::path> Staging::take(const LoadFile& file) {
    const fs::path path = next_path();
    auto out = TRY(File::create(path));
    auto bytes = TRY(file.open());
    // One thread reads and checks what was stored while another writes.
    Pipe pipe;
    auto writing = std::async(std::launch::async, [&]() -> Result<void> {
        auto written = write_all(pipe, out);
        pipe.abandon();
        return written;
    });
    const auto copied = copy_all(*bytes, pipe);
    pipe.close(copied ? "" : copied.error().message);
    const auto written = writing.get();
    TRY(copied);
    TRY(written);
    return path;
}

}  // namespace stroma::redshift
