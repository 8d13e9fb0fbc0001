#include "redshift/load/copy_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

constexpr std::string_view job_columns =
    "id, name, copy_text, target, source, automatic, rewritten, owner_name, owner";

struct KnownJob {
    JobRun run;
    std::string name, copy_text, target, source, owner_name, owner;
    bool is_automatic = false;
};

Answer<KnownJob> job_named(EngineSession& session, const std::string& name) {
    const auto rows = TRY(session.query(
        fmt::format("SELECT {} FROM stroma_system.copy_jobs WHERE name = ?", job_columns),
        std::array{sql::Value(name)}));
    if (!TRY(rows->next())) return refuse("42704", fmt::format("copy job {} does not exist", name));
    KnownJob job;
    job.run.id = rows->integer(0);
    job.name = rows->text(1);
    job.copy_text = rows->text(2);
    job.target = rows->text(3);
    job.source = rows->text(4);
    job.is_automatic = rows->boolean(5);
    job.run.loads_rewritten = rows->boolean(6);
    job.owner_name = rows->text(7);
    job.owner = rows->text(8);
    return job;
}

/// The same for who wants to run or change it.
Answer<KnownJob> own_job_named(EngineSession& session, const std::string& name) {
    KnownJob job = TRY(job_named(session, name));
    if (!session.is_superuser() && job.owner != session.user_id())
        return refuse("42501", fmt::format("must be owner of copy job {}", name));
    session.allow_changes();
    return job;
}

/// What another try may mend: others of its kind run, or the server ends.
bool may_be_tried_again(const Failure& failure) {
    return failure.sqlstate.starts_with("40") || failure.sqlstate.starts_with("57") ||
           failure.sqlstate.starts_with("55") || failure.sqlstate.starts_with("53") ||
           failure.sqlstate.starts_with("08") || failure.sqlstate == "42501";
}

Answer<void> give_up(EngineSession& session, const KnownJob& job, const LoadFile& file,
                     const Failure& failure) {
    std::string reason = failure.message;
    if (!failure.detail.empty()) reason += " " + failure.detail;
    TRY(session.write({"stroma_system.copy_job_failures"}, false, [&] {
        return session.change(
            "INSERT INTO stroma_system.copy_job_failures VALUES (?, ?, ?, ?, "
            "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP))",
            std::array{sql::Value(job.run.id), sql::Value(file.url), sql::Value(file.etag),
                       sql::Value(reason)});
    }));
    return {};
}

/// libpq takes what follows "COPY " for a number of rows, and complains of anything else.
constexpr const char* run_tag = "COPY";

Answer<std::unique_ptr<Cursor>> run_job(EngineSession& session, const std::string& name,
                                        bool is_automatic) {
    const KnownJob job = TRY(own_job_named(session, name));
    if (!is_automatic)
        TRY(session.write({"stroma_system.copy_job_failures"}, false, [&] {
            return session.change("DELETE FROM stroma_system.copy_job_failures WHERE job_id = ?",
                                  std::array{sql::Value(job.run.id)});
        }));
    const auto tokens = TRY(tokens_of(job.copy_text));
    const CopyStatement copy = TRY(read_copy(tokens));
    auto loaded = load_files(session, tokens, copy, &job.run);
    if (loaded || may_be_tried_again(loaded.error())) {
        if (!loaded) return fail(std::move(loaded.error()));
        return done(StatementKind::copy_job, *loaded, run_tag);
    }
    // One object spoils the rest: each by itself, and those that can't be loaded are put aside.
    std::int64_t rows = 0, failures = 0;
    for (const LoadFile& file : TRY(new_files(session, copy, job.run))) {
        JobRun one = job.run;
        one.only = file.url;
        const auto each = load_files(session, tokens, copy, &one);
        if (each) {
            rows += *each;
            continue;
        }
        if (may_be_tried_again(each.error())) return fail(each.error());
        ++failures;
        TRY(give_up(session, job, file, each.error()));
    }
    if (failures > 0)
        session.tell({"WARNING", "00000",
                      fmt::format("copy job {}: {} object(s) could not be loaded. Check "
                                  "'sys_copy_job_detail' and 'stl_load_errors' for details.",
                                  name, failures)});
    return done(StatementKind::copy_job, rows, run_tag);
}

Answer<std::unique_ptr<Cursor>> alter_job(EngineSession& session, const std::string& name,
                                          bool is_automatic) {
    const KnownJob job = TRY(own_job_named(session, name));
    TRY(session.write({"stroma_system.copy_jobs"}, false, [&] {
        return session.change("UPDATE stroma_system.copy_jobs SET automatic = ? WHERE id = ?",
                              std::array{sql::Value(is_automatic), sql::Value(job.run.id)});
    }));
    session.engine().tell_copy_jobs();
    return done(StatementKind::copy_job, 0, "ALTER JOB");
}

Answer<std::unique_ptr<Cursor>> drop_job(EngineSession& session, const std::string& name) {
    const KnownJob job = TRY(own_job_named(session, name));
    const std::vector<std::string> tables = {"stroma_system.copy_job_failures",
                                             "stroma_system.copy_jobs"};
    const auto remove = [&]() -> Answer<std::int64_t> {
        TRY(session.change("DELETE FROM stroma_system.copy_job_failures WHERE job_id = ?",
                           std::array{sql::Value(job.run.id)}));
        return session.change("DELETE FROM stroma_system.copy_jobs WHERE id = ?",
                              std::array{sql::Value(job.run.id)});
    };
    TRY(session.write(tables, false, remove));
    session.engine().tell_copy_jobs();
    return done(StatementKind::copy_job, 0, "DROP JOB");
}

Answer<std::unique_ptr<Cursor>> show_jobs(EngineSession& session, const std::string& only) {
    if (!only.empty()) TRY(job_named(session, only));
    const auto found = TRY(session.query(
        fmt::format("SELECT {} FROM stroma_system.copy_jobs WHERE ? = '' OR name = ? ORDER BY id",
                    job_columns),
        std::array{sql::Value(only), sql::Value(only)}));
    std::vector<std::vector<std::string>> rows;
    while (TRY(found->next()))
        rows.push_back({std::to_string(found->integer(0)), found->text(1), found->text(4),
                        found->text(3), found->boolean(5) ? "on" : "off", found->text(7),
                        found->text(2)});
    const std::size_t count = rows.size();
    auto cursor = text_rows({"job_id", "job_name", "data_source", "destination_table", "auto",
                             "job_owner", "copy_query"},
                            std::move(rows));
    cursor->made_tag = fmt::format("SELECT {}", count);
    return cursor;
}

}  // namespace

Answer<std::unique_ptr<Cursor>> create_copy_job(EngineSession& session, const Prepared& prepared,
                                                const CopyStatement& copy) {
    if (session.in_block())
        return refuse("25001", "COPY JOB cannot run inside a transaction block");
    if (copy.options.manifest || copy.options.no_load || copy.options.max_error > 0)
        return refuse("0A000",
                      "COPY JOB goes with neither MANIFEST, NOLOAD, MAXERROR nor IGNOREALLERRORS");
    const auto& tokens = prepared.plan->tokens;
    const auto target =
        TRY(load_target(session, tokens, copy.table_at, copy.columns, copy.options.explicit_ids));
    std::size_t behind = copy.table_at;
    TRY(session.read_table(tokens, behind));
    const std::string& text = prepared.statement.text;
    // The table by its whole name: whoever runs the job may look elsewhere for names.
    const std::string copy_text = fmt::format(
        "COPY {} {}", target.table.sql(),
        text.substr(tokens[behind].offset, tokens[copy.job->at].offset - tokens[behind].offset));
    const auto& options = session.options();
    const auto keep = [&]() -> Answer<std::int64_t> {
        const auto taken = TRY(session.text_of(
            "SELECT name FROM stroma_system.copy_jobs WHERE name = ?", {copy.job->name}));
        if (taken)
            return refuse("42710", fmt::format("copy job {} already exists", copy.job->name));
        return session.change(
            "INSERT INTO stroma_system.copy_jobs SELECT nextval('stroma_system.copy_job_ids'), ?, "
            "?, ?, ?, ?, ?, ?, ?, CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)",
            std::array{sql::Value(copy.job->name), sql::Value(copy_text),
                       sql::Value(target.table.key()), sql::Value(copy.source),
                       sql::Value(copy.job->is_automatic), sql::Value(copy.job->loads_rewritten),
                       sql::Value(options.principal.id), sql::Value(options.user)});
    };
    TRY(session.write({"stroma_system.copy_jobs"}, true, keep));
    session.engine().tell_copy_jobs();
    return done(StatementKind::copy_job, 0, "CREATE JOB");
}

Answer<std::unique_ptr<Cursor>> run_copy_job(EngineSession& session, const Prepared& prepared) {
    if (session.in_block())
        return refuse("25001", "COPY JOB cannot run inside a transaction block");
    TokenReader in(prepared.plan->tokens);
    TRY(in.expect("copy"));
    TRY(in.expect("job"));
    const std::string verb = TRY(in.name());
    if (verb == "list") {
        if (!in.at_end()) return in.wrong("nothing more");
        return show_jobs(session, "");
    }
    const std::string name = TRY(in.name());
    bool is_automatic = in.take("auto");
    bool is_on = is_automatic;
    if (is_automatic && verb == "alter") {
        is_on = !in.take("off");
        in.take("on");
    }
    if (!in.at_end()) return in.wrong("nothing more");
    if (verb == "run") return run_job(session, name, is_automatic);
    if (verb == "show" && !is_automatic) return show_jobs(session, name);
    if (verb == "drop" && !is_automatic) return drop_job(session, name);
    if (verb == "alter" && is_automatic) return alter_job(session, name, is_on);
    return fail(syntax_failure(prepared.plan->tokens[2],
                               "RUN, ALTER … AUTO ON|OFF, SHOW, LIST or DROP is expected"));
}

}  // namespace stroma::redshift
