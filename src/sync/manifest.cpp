#include "sync/manifest.h"

#include <fmt/format.h>

#include <span>

#include "sql/migrations.h"

namespace stroma::sync {

std::span<const sql::Migration> migrations();

namespace {

constexpr std::int64_t passes_kept = 200;

tl::unexpected<Error> no_job(const std::string& name) {
    return fail(
        ErrorCode::not_found,
        fmt::format("there is no sync '{}'; 'stroma sync list' names those there are", name));
}

}  // namespace

Result<std::unique_ptr<Manifest>> Manifest::open(sql::Database& database) {
    TRY(sql::migrate(database, "sync", migrations()));
    return std::unique_ptr<Manifest>(new Manifest(TRY(database.connect())));
}

Result<void> Manifest::add(const SyncJob& job, std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    const auto added =
        connection_->change("INSERT INTO sync_job (name, settings, created_ms) VALUES (?, ?, ?)",
                            {job.name, job.json(), now_ms});
    if (!added && added.error().code == ErrorCode::already_exists)
        return fail(ErrorCode::already_exists,
                    fmt::format("there is a sync '{}' already; choose another --name", job.name));
    TRY(added);
    return {};
}

Result<void> Manifest::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (TRY(connection_->change("DELETE FROM sync_job WHERE name = ?", {name})) == 0)
        return no_job(name);
    return {};
}

Result<void> Manifest::pause(const std::string& name, bool is_paused) {
    const std::lock_guard lock(mutex_);
    if (TRY(connection_->change("UPDATE sync_job SET is_paused = ? WHERE name = ?",
                                {is_paused, name})) == 0)
        return no_job(name);
    return {};
}

Result<std::vector<JobStatus>> Manifest::statuses(const std::string& name) {
    std::vector<JobStatus> jobs;
    {
        const auto rows = TRY(connection_->execute(
            "SELECT settings, is_paused, live, live_ms FROM sync_job WHERE name = ? OR ? = '' "
            "ORDER BY name",
            {name, name}));
        while (TRY(rows->next()))
            jobs.push_back({.job = TRY(SyncJob::from_json(rows->text(0))),
                            .is_paused = rows->boolean(1),
                            .live = rows->text(2),
                            .live_ms = rows->integer(3)});
    }
    for (JobStatus& status : jobs) TRY(add_counts(status));
    return jobs;
}

Result<void> Manifest::add_counts(JobStatus& status) {
    {
        const auto counts = TRY(connection_->execute(
            "SELECT count(*), coalesce(sum(is_sent), 0), coalesce(sum(size * is_sent), 0) "
            "FROM sync_file WHERE job = ?",
            {status.job.name}));
        if (TRY(counts->next())) {
            status.known_files = counts->integer(0);
            status.sent_files = counts->integer(1);
            status.sent_bytes = counts->integer(2);
        }
    }
    const auto pass = TRY(connection_->execute(
        "SELECT report FROM sync_pass WHERE job = ? ORDER BY number DESC LIMIT 1",
        {status.job.name}));
    if (TRY(pass->next())) status.last_pass = TRY(PassReport::from_json(pass->text(0)));
    return {};
}

Result<JobStatus> Manifest::status(const std::string& name) {
    const std::lock_guard lock(mutex_);
    std::vector<JobStatus> found = TRY(statuses(name));
    if (name.empty() || found.empty()) return no_job(name);
    return std::move(found.front());
}

Result<std::vector<JobStatus>> Manifest::jobs() {
    const std::lock_guard lock(mutex_);
    return statuses("");
}

Result<std::vector<PassReport>> Manifest::passes(const std::string& name, int limit) {
    const std::lock_guard lock(mutex_);
    const auto rows = TRY(connection_->execute(
        "SELECT report FROM sync_pass WHERE job = ? ORDER BY number DESC LIMIT ?",
        {name, std::int64_t{limit}}));
    std::vector<PassReport> reports;
    while (TRY(rows->next())) reports.push_back(TRY(PassReport::from_json(rows->text(0))));
    return reports;
}

Result<std::map<std::string, KnownFile>> Manifest::files(const std::string& job) {
    const std::lock_guard lock(mutex_);
    const auto rows = TRY(connection_->execute(
        "SELECT path, size, modified_ns, seen_ms, is_sent, sha256, part_bytes, etag, upload "
        "FROM sync_file WHERE job = ? ORDER BY path",
        {job}));
    std::map<std::string, KnownFile> files;
    while (TRY(rows->next()))
        files.emplace_hint(
            files.end(), rows->text(0),
            KnownFile{.state = {static_cast<std::uint64_t>(rows->integer(1)), rows->integer(2)},
                      .seen_ms = rows->integer(3),
                      .is_sent = rows->boolean(4),
                      .sha256 = rows->text(5),
                      .part_bytes = static_cast<std::uint64_t>(rows->integer(6)),
                      .etag = rows->text(7),
                      .upload = rows->text(8)});
    return files;
}

Result<void> Manifest::see(const std::string& job, const std::map<std::string, FileState>& files,
                           std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    return connection_->in_transaction([&]() -> Result<void> {
        for (const auto& [path, state] : files) {
            // Parts of what the file was before go by the foreign key.
            TRY(connection_->change(
                "DELETE FROM sync_file WHERE job = ? AND path = ? AND (size <> ? OR "
                "modified_ns <> ?)",
                {job, path, static_cast<std::int64_t>(state.size), state.modified_ns}));
            TRY(connection_->change(
                "INSERT OR IGNORE INTO sync_file (job, path, size, modified_ns, seen_ms) "
                "VALUES (?, ?, ?, ?, ?)",
                {job, path, static_cast<std::int64_t>(state.size), state.modified_ns, now_ms}));
        }
        return {};
    });
}

Result<void> Manifest::forget(const std::string& job, const std::string& path) {
    const std::lock_guard lock(mutex_);
    TRY(connection_->change("DELETE FROM sync_file WHERE job = ? AND path = ?", {job, path}));
    return {};
}

Result<void> Manifest::begin_upload(const std::string& job, const std::string& path,
                                    const std::string& upload, std::uint64_t part_bytes) {
    const std::lock_guard lock(mutex_);
    TRY(connection_->change(
        "UPDATE sync_file SET upload = ?, part_bytes = ? WHERE job = ? AND path = ?",
        {upload, static_cast<std::int64_t>(part_bytes), job, path}));
    return {};
}

Result<void> Manifest::add_part(const std::string& job, const std::string& path, int number,
                                const SentPart& part) {
    const std::lock_guard lock(mutex_);
    TRY(
        connection_->change("INSERT OR REPLACE INTO sync_part (job, path, number, etag, sha256) "
                            "VALUES (?, ?, ?, ?, ?)",
                            {job, path, std::int64_t{number}, part.etag, part.sha256}));
    return {};
}

Result<std::map<int, SentPart>> Manifest::parts(const std::string& job, const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto rows = TRY(connection_->execute(
        "SELECT number, etag, sha256 FROM sync_part WHERE job = ? AND path = ?", {job, path}));
    std::map<int, SentPart> parts;
    while (TRY(rows->next()))
        parts[static_cast<int>(rows->integer(0))] = {rows->text(1), rows->text(2)};
    return parts;
}

Result<void> Manifest::drop_upload(const std::string& job, const std::string& path) {
    const std::lock_guard lock(mutex_);
    return connection_->in_transaction([&]() -> Result<void> {
        TRY(connection_->change("DELETE FROM sync_part WHERE job = ? AND path = ?", {job, path}));
        TRY(connection_->change("UPDATE sync_file SET upload = '' WHERE job = ? AND path = ?",
                                {job, path}));
        return {};
    });
}

Result<void> Manifest::set_sent(const std::string& job, const std::string& path,
                                const KnownFile& file, std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    return connection_->in_transaction([&]() -> Result<void> {
        TRY(connection_->change("DELETE FROM sync_part WHERE job = ? AND path = ?", {job, path}));
        TRY(connection_->change(
            "UPDATE sync_file SET is_sent = 1, sha256 = ?, part_bytes = ?, etag = ?, sent_ms = ?, "
            "upload = '', error = '' WHERE job = ? AND path = ? AND size = ? AND modified_ns = ?",
            {file.sha256, static_cast<std::int64_t>(file.part_bytes), file.etag, now_ms, job, path,
             static_cast<std::int64_t>(file.state.size), file.state.modified_ns}));
        return {};
    });
}

Result<void> Manifest::set_error(const std::string& job, const std::string& path,
                                 const std::string& error) {
    const std::lock_guard lock(mutex_);
    TRY(connection_->change("UPDATE sync_file SET error = ? WHERE job = ? AND path = ?",
                            {error, job, path}));
    return {};
}

Result<void> Manifest::set_live(const std::string& job, const std::string& json,
                                std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    TRY(connection_->change("UPDATE sync_job SET live = ?, live_ms = ? WHERE name = ?",
                            {json, now_ms, job}));
    return {};
}

Result<void> Manifest::add_pass(const std::string& job, const PassReport& report) {
    const std::lock_guard lock(mutex_);
    return connection_->in_transaction([&]() -> Result<void> {
        TRY(connection_->change(
            "INSERT INTO sync_pass (job, number, started_ms, ended_ms, report) SELECT ?, "
            "coalesce(max(number), 0) + 1, ?, ?, ? FROM sync_pass WHERE job = ?",
            {job, report.started_ms, report.ended_ms, report.json(), job}));
        TRY(connection_->change(
            "DELETE FROM sync_pass WHERE job = ? AND number <= (SELECT max(number) FROM sync_pass "
            "WHERE job = ?) - ?",
            {job, job, passes_kept}));
        return {};
    });
}

}  // namespace stroma::sync
