#include "flow/stored_outputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "flow/run.h"
#include "flow/stored/cold_store.h"
#include "flow/stored/output_store.h"
#include "flow/task_key.h"

// What backup and verify do with outputs: by the database and the folders, without an engine.

namespace stroma::flow {
namespace {

constexpr const char* lock_name = "outputs.lock";

Result<File> opened_lock(const fs::path& folder) {
    TRY(make_folders(folder));
    return File::open_to_write(folder / lock_name);
}

Result<bool> has_runs(sql::Connection& connection) {
    const auto rows =
        TRY(connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'flow_outputs'"));
    return TRY(rows->next()) && rows->integer(0) > 0;
}

Result<void> copy_whole(const fs::path& from, const fs::path& to,
                        const std::function<bool()>& cancelled) {
    const File source = TRY(File::open_to_read(from));
    File copy = TRY(File::create(to));
    const std::uint64_t size = TRY(source.size());
    Bytes piece;
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
        if (cancelled && cancelled()) return fail(ErrorCode::cancelled, "the backup was stopped");
        piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(4u << 20, size - at)));
        TRY(source.read_at(at, piece));
        TRY(copy.write_at(at, piece));
    }
    return copy.sync();
}

Result<void> copy_tree(const fs::path& from, const fs::path& to,
                       const std::function<bool()>& cancelled) {
    TRY(make_folders(to));
    std::error_code failed;
    for (fs::directory_iterator entry(from, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const fs::path target = to / entry->path().filename();
        TRY(entry->is_directory() ? copy_tree(entry->path(), target, cancelled)
                                  : copy_whole(entry->path(), target, cancelled));
    }
    if (failed) return fail(error_from_errno("listing", from.string(), failed.value()));
    return sync_folder(to);
}

void check_here(const OutputStore& store, const std::string& key, const OutputFile& file,
                const Result<std::string>& hash, std::vector<std::string>& findings) {
    const std::string name = key.substr(0, 12);
    if (!hash)
        findings.push_back(fmt::format("output {}: {} can't be read: {}", name,
                                       (store.path_of(key) / file.name).filename().string(),
                                       hash.error().message));
    else if (*hash != file.hash)
        findings.push_back(
            fmt::format("output {}: {} isn't what was made: its bytes hash to {}, and they were {}",
                        name, file.name, hash->substr(0, 12), file.hash.substr(0, 12)));
}

struct KnownOutput {
    std::string key;
    Manifest manifest;
    Tier tier = Tier::hot;
};

}  // namespace

fs::path archive_of(const OutputPlaces& places) {
    return places.archive.empty() ? places.folder / "archive" : places.archive;
}

Result<OutputsHeld> OutputsHeld::take(const fs::path& folder) {
    File lock = TRY(opened_lock(folder));
    while (::flock(lock.descriptor(), LOCK_EX) != 0)
        if (errno != EINTR) return fail(error_from_errno("holding", lock.name(), errno));
    return OutputsHeld(std::move(lock));
}

Result<std::optional<OutputsHeld>> OutputsHeld::try_take(const fs::path& folder) {
    File lock = TRY(opened_lock(folder));
    if (::flock(lock.descriptor(), LOCK_EX | LOCK_NB) == 0) return OutputsHeld(std::move(lock));
    if (errno == EWOULDBLOCK) return std::nullopt;
    return fail(error_from_errno("holding", lock.name(), errno));
}

Result<std::vector<std::string>> verify_stored_outputs(sql::Connection& connection,
                                                       const OutputPlaces& places,
                                                       const std::string& run,
                                                       const std::function<bool()>& cancelled) {
    std::vector<std::string> findings;
    if (!TRY(has_runs(connection))) return findings;
    std::vector<KnownOutput> outputs;
    {
        const auto rows = TRY(connection.execute(
            "SELECT key, manifest, hash, (SELECT parts FROM flow_tasks t WHERE t.id = o.task), "
            "tier FROM flow_outputs o WHERE ? = '' OR key IN (SELECT key FROM flow_tasks WHERE run "
            "= ?) ORDER BY key",
            {run, run}));
        while (TRY(rows->next())) {
            const std::string key = rows->text(0);
            Manifest manifest = TRY(Manifest::from_json(rows->text(1)));
            if (manifest.hash() != rows->text(2))
                findings.push_back(fmt::format(
                    "output {}: its manifest isn't the one that was made", key.substr(0, 12)));
            // The key is the hash of inputs, parameters and code: recomputed from what is written.
            if (!rows->is_null(3) && key_of(KeyParts::from_json(rows->text(3))) != key)
                findings.push_back(
                    fmt::format("output {}: inputs, parameters and code as they are written down "
                                "give another key",
                                key.substr(0, 12)));
            outputs.push_back({key, std::move(manifest), tier_named(rows->text(4))});
        }
    }
    const OutputStore store(places.folder / "outputs");
    const ColdStore cold(archive_of(places));
    for (const auto& [key, manifest, tier] : outputs) {
        if (tier != Tier::cold)
            for (const OutputFile& file : manifest.files) {
                const auto hash = hash_of_file(store.path_of(key) / file.name, cancelled);
                if (!hash && hash.error().code == ErrorCode::cancelled) return fail(hash.error());
                check_here(store, key, file, hash, findings);
            }
        if (tier == Tier::hot) continue;
        const auto kept = cold.verify(key, manifest, cancelled);
        if (!kept && kept.error().code == ErrorCode::cancelled) return fail(kept.error());
        if (!kept)
            findings.push_back(fmt::format("output {}, in the archive: {}", key.substr(0, 12),
                                           kept.error().message));
    }
    return findings;
}

Result<void> copy_stored_outputs(sql::Connection& connection, const OutputPlaces& places,
                                 const fs::path& to, const std::function<bool()>& cancelled) {
    if (!TRY(has_runs(connection))) return {};
    const OutputStore store(places.folder / "outputs"), copies(to / "outputs");
    const ColdStore cold(archive_of(places)), cold_copies(to / "archive");
    const auto rows = TRY(connection.execute("SELECT key, tier FROM flow_outputs ORDER BY key"));
    while (TRY(rows->next())) {
        const std::string key = rows->text(0);
        const Tier tier = tier_named(rows->text(1));
        // One that is gone already is computed again when it is needed.
        std::error_code error;
        if (tier != Tier::cold && fs::exists(store.path_of(key), error))
            TRY(copy_tree(store.path_of(key), copies.path_of(key), cancelled));
        if (tier != Tier::hot && cold.has(key))
            TRY(copy_tree(cold.path_of(key), cold_copies.path_of(key), cancelled));
    }
    return {};
}

Result<void> forget_stored_outputs(sql::Connection& connection) {
    if (!TRY(has_runs(connection))) return {};
    TRY(connection.change("DELETE FROM flow_outputs", {}));
    TRY(connection.change("DELETE FROM flow_restores", {}));
    return {};
}

}  // namespace stroma::flow
