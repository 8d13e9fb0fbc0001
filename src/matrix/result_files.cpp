#include "matrix/result_files.h"

#include <limits>
#include <mutex>

#include "base/digest.h"

namespace stroma::matrix {
namespace {

Result<std::string> sha256_of(const fs::path& path) {
    const File file = TRY(File::open_to_read(path));
    const std::uint64_t size = TRY(file.size());
    Digest digest(DigestKind::sha256);
    Bytes piece(4u << 20);
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(piece.size(), size - at));
        TRY(file.read_at(at, piece));
        digest.update(piece);
    }
    return digest.hex();
}

}  // namespace

bool is_expired(const MatrixResult& result, std::int64_t now_ms) {
    return result.expired || result.expires_ms <= now_ms;
}

Result<std::optional<MatrixResult>> ResultFiles::find(std::string_view key) {
    auto result = TRY(records_.result(key));
    if (!result || !result->complete || result->object_key.empty() ||
        is_expired(*result, clock_.unix_ms()))
        return result;
    if (!TRY(objects_.head(result->object_key))) result->expired = true;
    return result;
}

Result<void> ResultFiles::keep(const fs::path& staged, MatrixResult& result) {
    if (!staged.empty()) {
        result.sha256 = TRY(sha256_of(staged));
        result.object_key = "results/" + result.hash + "/" + result.file_name;
    }
    const std::shared_lock lock(making_);
    if (!staged.empty()) TRY(objects_.put_file(result.object_key, staged, {}));
    return records_.put_result(result);
}

Result<bool> ResultFiles::drop(const MatrixResult& result) {
    const std::lock_guard lock(making_);
    const auto current = TRY(records_.result(result.hash));
    if (!current || current->generation != result.generation ||
        current->completed_ms != result.completed_ms)
        return false;
    if (!result.object_key.empty()) TRY(objects_.remove(result.object_key));
    TRY(records_.set_expired(result));
    return true;
}

Result<std::int64_t> ResultFiles::expire() {
    std::int64_t removed = 0;
    for (const MatrixResult& result : TRY(records_.results_expired_by(clock_.unix_ms())))
        removed += TRY(drop(result));
    return removed;
}

Result<std::vector<MatrixResult>> ResultFiles::live() {
    auto results = TRY(records_.results_expired_by(std::numeric_limits<std::int64_t>::max()));
    std::erase_if(results, [](const MatrixResult& result) { return result.object_key.empty(); });
    return results;
}

}  // namespace stroma::matrix
