#include <fmt/format.h>

#include "app/session.h"
#include "app/terminal/progress_line.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "load/import_stage.h"

namespace stroma::app {
namespace {

loading::ImportRequest request_for(const ImportOptions& options, const std::string& path) {
    loading::ImportRequest request;
    request.path = path;
    request.name = options.name;
    request.title = options.title;
    request.owner = catalog::local_administrator().id;
    request.is_public = options.is_public;
    request.read.orientation = options.orientation;
    request.read.make_ids_unique = options.make_ids_unique;
    request.sum_duplicates = options.sum_duplicates;
    request.collection = options.collection;
    request.strict = options.strict;
    request.symbols = options.symbols;
    request.image = {options.image_of, options.embedding, options.transform, options.are_labels,
                     options.cell_column};
    return request;
}

void tell(const Json& outputs, Invocation& invocation) {
    if (invocation.json) {
        invocation.terminal->print(outputs.dump() + "\n");
        return;
    }
    for (const Json& note : outputs.value("notes", Json::array()))
        invocation.terminal->say("  note: " + note.get<std::string>());
    if (outputs.contains("image")) {
        invocation.terminal->print(fmt::format(
            "{}: image '{}', {} x {} pixels, {} channels, {} levels, {} ({})\n",
            outputs.value("name", ""), outputs.value("image_name", ""), outputs.value("width", 0u),
            outputs.value("height", 0u), outputs.value("channels", 0u), outputs.value("levels", 0u),
            short_bytes(outputs.value("bytes", 0.0)), outputs.value("format", "")));
        return;
    }
    if (outputs.contains("features")) {
        invocation.terminal->print(fmt::format("{}: {} genes and transcripts\n",
                                               outputs.value("name", ""),
                                               outputs.value("features", 0)));
        return;
    }
    if (outputs.value("already_loaded", false)) {
        invocation.terminal->print(fmt::format(
            "{}: unchanged, revision {}\n", outputs.value("name", ""), outputs.value("number", 0)));
        return;
    }
    invocation.terminal->print(fmt::format(
        "{}: revision {}, {} cells x {} genes, {} non-zeros, {} ({}, {})\n",
        outputs.value("name", ""), outputs.value("number", 0), outputs.value("cells", 0u),
        outputs.value("genes", 0u), outputs.value("nonzeros", std::uint64_t{0}),
        short_bytes(outputs.value("bytes", 0.0)), outputs.value("format", ""),
        short_duration(outputs.value("seconds_reading", 0.0) +
                       outputs.value("seconds_loading", 0.0))));
}

}  // namespace

Result<void> run_import(const ImportOptions& options, Invocation& invocation) {
    for (const std::string& path : options.paths)
        if (!fs::exists(path)) return fail(ErrorCode::not_found, path + ": no such file or folder");
    if (!options.symbols.empty() && !fs::exists(options.symbols))
        return fail(ErrorCode::not_found, options.symbols + ": no such file");
    Session session = TRY(open_session(invocation));
    std::vector<pipeline::Job> jobs;
    for (const std::string& path : options.paths)
        jobs.push_back(TRY(submit(session, "import", "import " + fs::path(path).filename().string(),
                                  loading::to_job_inputs(request_for(options, path)))));

    std::optional<Error> first_error;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (invocation.stop.stop_requested()) {
            for (std::size_t rest = i; rest < jobs.size(); ++rest) TRY(cancel(session, jobs[rest]));
            return fail(ErrorCode::cancelled,
                        fmt::format("interrupted: {} of {} imports were begun", i, jobs.size()));
        }
        auto done = follow(session, jobs[i], invocation, std::span(jobs).subspan(i + 1));
        if (done) {
            tell(TRY(parse_json(done->outputs)), invocation);
            continue;
        }
        Error error = std::move(done.error()).with(options.paths[i]);
        if (jobs.size() > 1) invocation.terminal->print_error("stroma: " + error.message + "\n");
        if (!first_error) first_error = std::move(error);
    }
    if (first_error && invocation.stop.stop_requested()) first_error->code = ErrorCode::cancelled;
    if (!first_error) return {};
    if (jobs.size() > 1)
        return fail(first_error->code,
                    "not every import succeeded; the first failure was " + first_error->message);
    return fail(*std::move(first_error));
}

}  // namespace stroma::app
