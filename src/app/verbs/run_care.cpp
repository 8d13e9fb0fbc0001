#include <fmt/format.h>

#include "app/data_lock.h"
#include "app/session.h"
#include "app/terminal/progress_line.h"
#include "app/verbs/verbs.h"
#include "base/json.h"

namespace stroma::app {
namespace {

expression::Watch watch_for(ProgressLine& line, std::string step, const Invocation& invocation) {
    return {[&line, step](double done, double total, std::string_view unit) {
                line.update({step, done, total, std::string(unit)});
            },
            [stop = invocation.stop] { return stop.stop_requested(); }};
}

}  // namespace

Result<void> run_backup(const BackupOptions& options, Invocation& invocation) {
    const fs::path folder = fs::absolute(options.folder).lexically_normal();
    Session session = TRY(open_session(invocation));
    const auto job = TRY(submit(session, "backup", "backup to " + folder.filename().string(),
                                Json{{"folder", folder.string()}}.dump()));
    TRY(follow(session, job, invocation));
    invocation.terminal->print(folder.string() + "\n");
    return {};
}

Result<void> run_restore(const BackupOptions& options, Invocation& invocation) {
    const fs::path from = options.folder, to = invocation.data;
    if (!fs::exists(from / "store.json"))
        return fail(ErrorCode::invalid_input,
                    from.string() + " is not a finished backup: it has no store.json");
    if (fs::exists(to) && !fs::is_empty(to))
        return fail(ErrorCode::already_exists,
                    to.string() + " is not empty; restore into a new --data directory");
    const fs::path half = to.string() + ".unfinished";
    std::error_code problem;
    fs::remove_all(half, problem);
    TRY(make_folders(half.parent_path()));
    fs::copy(from, half, fs::copy_options::recursive, problem);
    if (problem) return fail(ErrorCode::unavailable, "copying the backup: " + problem.message());
    fs::remove(to, problem);
    TRY(rename_file(half, to));
    const auto site = TRY(Site::open(to, invocation.settings));
    ProgressLine line(*invocation.terminal, system_clock(), "restore");
    const auto found = TRY(site->verify({}, watch_for(line, "checking", invocation)));
    if (!found.empty())
        return fail(ErrorCode::corrupt, "the restored copy is damaged: " + found[0]);
    invocation.terminal->say("restored to " + to.string() + " and verified");
    return {};
}

Result<void> run_verify(const VerifyOptions& options, Invocation& invocation) {
    const auto site = TRY(open_site(invocation));
    ProgressLine line(*invocation.terminal, system_clock(), "verify");
    const auto found = TRY(site->verify(options.datasets, watch_for(line, "reading", invocation)));
    std::vector<std::string> repaired, left = found;
    if (options.repair && !found.empty()) {
        repaired = TRY(site->repair(options.datasets, watch_for(line, "repairing", invocation)));
        left = TRY(site->verify(options.datasets, watch_for(line, "reading again", invocation)));
    }
    if (invocation.json) {
        invocation.terminal->print(
            Json{{"found", found}, {"repaired", repaired}, {"left", left}}.dump() + "\n");
    } else {
        for (const std::string& problem : found) invocation.terminal->print(problem + "\n");
        for (const std::string& mended : repaired)
            invocation.terminal->print("repaired: " + mended + "\n");
        if (found.empty()) invocation.terminal->print("everything is as it was written\n");
    }
    if (left.empty()) return {};
    if (options.repair)
        return fail(ErrorCode::corrupt, fmt::format("{} problems can't be mended, the first: {}; "
                                                    "restore a backup",
                                                    left.size(), left[0]));
    return fail(ErrorCode::corrupt,
                fmt::format("{} problems; 'stroma verify --repair' makes again what it can, takes "
                            "damaged datasets away and says what is lost, or restore a backup",
                            left.size()));
}

Result<void> run_purge(Invocation& invocation) {
    {
        const auto site = TRY(open_site(invocation));
        const std::int64_t results = TRY(site->purge());
        invocation.terminal->say(fmt::format("results of removed datasets deleted: {}", results));
    }
    // The warehouse's file is written anew before anybody uses it.
    TRY(open_site(invocation));
    invocation.terminal->print("every byte of removed datasets is gone\n");
    return {};
}

}  // namespace stroma::app
