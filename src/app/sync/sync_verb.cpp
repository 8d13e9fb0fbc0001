#include "app/sync/sync_verb.h"

#include <memory>

#include "app/sync/run_sync.h"

namespace stroma::app {
namespace {

Option name_of_job(std::string* name) {
    return {"name", name, "NAME", "as 'sync list' has it", {}, true};
}

Option as_user(std::string* user) {
    return {"--user", user, "USER",
            "at a server of this data directory: as whom (default: the local administrator)"};
}

Verb add_verb() {
    auto options = std::make_shared<SyncAddOptions>();
    return {
        .name = "add",
        .summary = "Keep a folder in a bucket from now on",
        .examples =
            "  stroma sync add --data lab /mnt/scanner --to slides/raw --exclude '*.tmp'\n"
            "  stroma sync add --data agent /mnt/scanner --to slides --endpoint "
            "https://s3.example.org \\\n"
            "    --bandwidth '20MB/s Mon-Fri 08:00-18:00; 100MB/s' --schedule 'cron(0 20 * * ? "
            "*)'\n",
        .options =
            {{"folder", &options->folder, "DIR", "what is sent; never changed", {}, true},
             {"--to", &options->to, "BUCKET/PREFIX", "where to", {}, true},
             {"--name", &options->name, "NAME", "to call it by (default: the folder's own name)"},
             {"--endpoint", &options->endpoint, "URL",
              "of an S3 store; its keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
              "(default: the server that has this data directory)"},
             {"--region", &options->region, "REGION", "of that store (us-east-1)"},
             {"--include", &options->includes, "PATTERN",
              "send only such files; with a slash it is held against the path, where * crosses "
              "slashes; may be repeated"},
             {"--exclude", &options->excludes, "PATTERN", "leave such files out; may be repeated"},
             {"--schedule", &options->schedule, "WHEN",
              "'rate(1 hour)' or 'cron(0 20 * * ? *)' in UTC (default: as soon as something "
              "changed)"},
             {"--bandwidth", &options->bandwidth, "TIMETABLE",
              "'20MB/s Mon-Fri 08:00-18:00; 100MB/s': the first rule that holds; 'off' is no "
              "limit, 0 stands still"},
             {"--settle", &options->settle, "TIME",
              "a file is left alone until nobody wrote it for so long (60s)"},
             {"--rescan", &options->rescan, "TIME", "the folder is walked at least so often (15m)"},
             {"--ready-marker", &options->ready_marker, "FILE",
              "a folder's files are sent once a file of that name lies there, or above"},
             {"--part-size", &options->part_size, "BYTES", "larger files go in such parts (16MiB)"},
             {"--connections", &options->connections, "N", "as many at once (4)"},
             {"--delete",
              &options->deletes,
              "POLICY",
              "when a file is gone: keep the object, or mirror the folder",
              {"keep", "mirror"}},
             {"--verify",
              &options->verify,
              "HOW",
              "transferred reads each file once more and compares it with what was sent; transport "
              "leaves it at each request's SHA-256",
              {"transferred", "transport"}}},
        .run = [options](Invocation& invocation) { return run_sync_add(*options, invocation); },
    };
}

Verb plan_verb() {
    auto options = std::make_shared<SyncPlanOptions>();
    return {
        .name = "plan",
        .summary = "Whether a line is enough for what arrives",
        .examples = "  stroma sync plan --arrival 15TB/week --line 1Gbit/s --backlog 60TB\n",
        .options = {{"--arrival", &options->arrival, "BYTES/TIME", "15TB/week, 2TB/day", {}, true},
                    {"--line", &options->line, "RATE", "as it is sold: 1Gbit/s", {}, true},
                    {"--backlog", &options->backlog, "BYTES", "what waits already"},
                    {"--bandwidth", &options->bandwidth, "TIMETABLE", "as 'sync add' takes it"},
                    {"--efficiency", &options->efficiency, "SHARE",
                     "of the line that carries files: Ethernet to HTTP take the rest (0.89)"},
                    {"--compression", &options->compression, "FACTOR",
                     "bytes of files for each byte sent (1)"}},
        .run = [options](Invocation& invocation) { return run_sync_plan(*options, invocation); },
        .data_use = DataUse::none,
    };
}

Verb run_verb(const std::shared_ptr<SyncOptions>& options) {
    return {
        .name = "run",
        .summary = "Send what is new: the agent",
        .text =
            "Goes on until it is interrupted; what was sent, part by part, is remembered, so that "
            "the next one goes on there, however this one ended.",
        .examples = "  stroma sync run --data lab\n  stroma sync run --data lab scanner --once\n",
        .options = {{"names", &options->names, "NAME", "only these"},
                    {"--once", &options->once, "", "one pass over each, then end"},
                    {"--dry-run", &options->dry_run, "", "tell what a pass would do, and end"},
                    {"--delete-most", &options->delete_most, "",
                     "a mirror may remove more than half of what it sent"},
                    as_user(&options->user)},
        .run = [options](Invocation& invocation) { return run_sync_run(*options, invocation); },
    };
}

}  // namespace

Verb sync_verb() {
    auto options = std::make_shared<SyncOptions>();
    const auto of_one = [options](std::string name, std::string summary, auto run) {
        return Verb{
            .name = std::move(name),
            .summary = std::move(summary),
            .options = {name_of_job(&options->name)},
            .run = [options, run](Invocation& invocation) { return run(*options, invocation); }};
    };
    Verb check =
        of_one("check", "Compare a folder with its bucket, every byte of it", run_sync_check);
    check.options.push_back(as_user(&options->user));
    Verb verb{
        .name = "sync",
        .summary = "Keep folders of this machine in buckets",
        .text =
            "What is new or changed in a folder is sent to a bucket of this server, or of any "
            "S3 store, once nobody writes it any more: in parts, over several connections, "
            "checked, and from where it stopped after a cut."};
    verb.verbs = {
        add_verb(),
        {.name = "list",
         .summary = "The folders, and how they stand",
         .run = [](Invocation& invocation) { return run_sync_list(invocation); }},
        of_one("show", "One folder: its settings, how far it is, its last passes", run_sync_show),
        run_verb(options),
        std::move(check),
        of_one("pause", "Leave a folder alone for now",
               [](const SyncOptions& its, Invocation& invocation) {
                   return run_sync_pause(its, true, invocation);
               }),
        of_one("resume", "Go on with a folder that is paused",
               [](const SyncOptions& its, Invocation& invocation) {
                   return run_sync_pause(its, false, invocation);
               }),
        of_one("remove", "Forget a folder; neither files nor objects are touched", run_sync_remove),
        plan_verb(),
    };
    return verb;
}

}  // namespace stroma::app
