#include "flow/pilot/slurm.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>

#include "flow/process.h"
#include "flow/worker/task_work.h"

namespace stroma::flow {
namespace {

constexpr Milliseconds command_max{60'000};

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

/// "2026-11-22T11:29:20" in this machine's time; 0 of "N/A".
std::int64_t local_time_in(std::string_view text) {
    std::tm time{};
    const std::string copy(text);
    if (::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &time) == nullptr) return 0;
    time.tm_isdst = -1;
    const std::time_t seconds = std::mktime(&time);
    return seconds < 0 ? 0 : static_cast<std::int64_t>(seconds) * 1000;
}

int number_in_text(std::string_view text) {
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

bool is_on_path(const std::string& program) {
    const char* path = std::getenv("PATH");
    for (const std::string_view folder : split(path == nullptr ? "" : path, ':'))
        if (!folder.empty() && ::access((std::string(folder) + "/" + program).c_str(), X_OK) == 0)
            return true;
    return false;
}

/// In quotes that a shell takes off.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char character : text)
        out += character == '\'' ? std::string("'\\''") : std::string(1, character);
    return out + "'";
}

/// Standard output of the command. errors  unavailable  with what it says
Result<std::string> said_by(std::vector<std::string> command) {
    const fs::path scratch = fs::temp_directory_path();
    std::vector<std::string> environment = task_environment(scratch, 1);
    if (const char* file = std::getenv("SLURM_CONF"); file != nullptr)
        environment.push_back(fmt::format("SLURM_CONF={}", file));
    const std::string name = command.front();
    std::string output;
    const auto end = TRY(run_process(
        {.command = std::move(command),
         .folder = scratch,
         .environment = std::move(environment),
         .mark = fmt::format("slurm:{};", ::getpid()),
         .timeout = command_max,
         .log = "/dev/null"},
        [] { return false; }, [&](std::string_view line) { output.append(line).append("\n"); }));
    if (end.timed_out)
        return fail(ErrorCode::unavailable,
                    fmt::format("{} didn't answer within {} s", name, command_max.count() / 1000));
    if (end.exit_code != 0 || end.signal != 0) {
        std::string why = end.error_tail;
        while (!why.empty() && why.back() == '\n') why.pop_back();
        return fail(ErrorCode::unavailable,
                    fmt::format("{}: {}", name,
                                why.empty() ? fmt::format("exit code {}", end.exit_code) : why));
    }
    return output;
}

std::string_view member(std::string_view line, std::string_view name) {
    const std::string begin = std::string(name) + "=";
    for (std::size_t at = line.find(begin); at != std::string_view::npos;
         at = line.find(begin, at + 1))
        if (at == 0 || line[at - 1] == ' ')
            return line.substr(at + begin.size(), line.find(' ', at) == std::string_view::npos
                                                      ? std::string_view::npos
                                                      : line.find(' ', at) - at - begin.size());
    return {};
}

/// "3:0": exit code and signal.
void put_exit(std::string_view text, SlurmJob& job) {
    const auto parts = split(text, ':');
    job.exit_code = number_in_text(parts[0]);
    if (parts.size() > 1) job.signal = number_in_text(parts[1]);
}

}  // namespace

std::string pilot_script(const PilotOrder& order) {
    std::string text = "#!/bin/sh\n";
    const auto option = [&](const std::string& line) { text += "#SBATCH " + line + "\n"; };
    option("--job-name=" + order.name);
    option("--nodes=1");
    option("--ntasks=1");
    option(fmt::format("--cpus-per-task={}", order.size.cores));
    option(fmt::format("--mem={}M", (order.size.memory_bytes + (1u << 20) - 1) >> 20));
    if (!order.partition.empty()) option("--partition=" + order.partition);
    if (order.time.count() > 0)
        option(fmt::format("--time={}", (order.time.count() + 59'999) / 60'000));
    if (order.time.count() > 0 && order.leave.count() > 0)
        option(fmt::format("--signal=B:USR1@{}", order.leave.count() / 1000));
    // Who comes in its place is decided by the queue as it is then.
    option("--no-requeue");
    // Not all of ours: by the mark in it what sbatch leaves behind is found and ended.
    option(
        "--export=PATH,HOME,USER,LANG,LC_ALL,TZ,PYTHONPATH,VIRTUAL_ENV,LD_LIBRARY_PATH,R_LIBS,"
        "SLURM_CONF");
    option("--output=" + (order.logs / "slurm-%j.log").string());
    for (const std::string& line : order.lines) option(line);
    text += fmt::format(
        "exec {} pipeline worker --data {} --name \"slurm-$SLURM_JOB_ID\" --cores {} --memory {} "
        "--idle {}{}\n",
        quoted(order.program.string()), quoted(order.data.string()), order.size.cores,
        order.size.memory_bytes, std::max<std::int64_t>(1, order.idle.count() / 1000),
        order.url.empty() ? "" : " --url " + quoted(order.url));
    return text;
}

std::vector<SlurmJob> jobs_in(std::string_view squeue) {
    std::vector<SlurmJob> jobs;
    for (const std::string_view line : split(squeue, '\n')) {
        const auto parts = split(line, '|');
        if (parts.size() != 5 || parts[0].empty()) continue;
        SlurmJob job{.job = std::string(parts[0]),
                     .state = std::string(parts[1]),
                     .reason = std::string(parts[2]),
                     .node = std::string(parts[3])};
        job.started_ms = local_time_in(parts[4]);
        jobs.push_back(std::move(job));
    }
    return jobs;
}

SlurmJob job_in(std::string_view line) {
    SlurmJob job{.job = std::string(member(line, "JobId")),
                 .state = std::string(member(line, "JobState")),
                 .reason = std::string(member(line, "Reason")),
                 .node = std::string(member(line, "NodeList"))};
    job.started_ms = local_time_in(member(line, "StartTime"));
    put_exit(member(line, "ExitCode"), job);
    return job;
}

std::uint64_t slurm_bytes(std::string_view text) {
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || number < 0) return 0;
    constexpr std::string_view units = "KMGT";
    double factor = 1;
    if (read.ptr != text.data() + text.size()) {
        const std::size_t unit = units.find(*read.ptr);
        if (unit == std::string_view::npos) return 0;
        for (std::size_t i = 0; i <= unit; ++i) factor *= 1024;
    }
    return static_cast<std::uint64_t>(number * factor);
}

bool is_active(std::string_view state) {
    constexpr std::array<std::string_view, 9> active = {"PENDING",    "RUNNING",   "CONFIGURING",
                                                        "COMPLETING", "SUSPENDED", "REQUEUED",
                                                        "STOPPED",    "RESIZING",  "SIGNALING"};
    return std::ranges::find(active, state) != active.end();
}

Outcome outcome_of(std::string_view state) {
    // Its own memory: the next worker should give the task more.
    if (state == "OUT_OF_MEMORY") return Outcome::memory;
    return Outcome::lost;
}

Result<Slurm> Slurm::find() {
    for (const char* program : {"sbatch", "squeue", "scontrol", "scancel"})
        if (!is_on_path(program))
            return fail(
                ErrorCode::unavailable,
                fmt::format("slurm.pilots_max: there is no program '{}' along PATH; install "
                            "Slurm's client (slurm-client), or set it to 0",
                            program));
    return Slurm();
}

Result<std::string> Slurm::submit(const PilotOrder& order) const {
    TRY(make_folders(order.logs));
    const fs::path script = order.logs / (order.name + ".sh");
    TRY(replace_file(script, as_bytes(pilot_script(order))));
    const std::string said =
        TRY(said_by({"sbatch", "--parsable", "--chdir=" + order.logs.string(), script.string()}));
    // "12" or "12;cluster"
    const std::string job = said.substr(0, said.find_first_of(";\n"));
    if (job.empty() || !std::ranges::all_of(job, [](char c) { return c >= '0' && c <= '9'; }))
        return fail(ErrorCode::unavailable, "sbatch names no job but says: " + said.substr(0, 200));
    return job;
}

Result<std::vector<SlurmJob>> Slurm::jobs(const std::string& name) const {
    const std::string said =
        TRY(said_by({"squeue", "-h", "-a", "-t", "all", "--name=" + name, "-o", "%i|%T|%r|%N|%S"}));
    return jobs_in(said);
}

Result<SlurmJob> Slurm::ended(const std::string& job) const {
    const auto told = said_by({"scontrol", "-o", "show", "job", job});
    SlurmJob found;
    if (told) found = job_in(*told);
    if (!is_on_path("sacct")) return told ? Result<SlurmJob>(found) : fail(told.error());
    // Without a database of accounts sacct fails: then what scontrol says is all.
    const auto counted =
        said_by({"sacct", "-n", "-P", "-j", job, "--format=JobID,State,ExitCode,MaxRSS,NodeList"});
    if (!counted) return told ? Result<SlurmJob>(found) : fail(told.error());
    for (const std::string_view line : split(*counted, '\n')) {
        const auto parts = split(line, '|');
        if (parts.size() != 5) continue;
        found.peak_bytes = std::max(found.peak_bytes, slurm_bytes(parts[3]));
        if (parts[0] != job || told) continue;
        found.job = job;
        found.state = std::string(split(parts[1], ' ')[0]);  // "CANCELLED by 0"
        found.node = std::string(parts[4]);
        put_exit(parts[2], found);
    }
    if (found.state.empty()) return fail(told.error());
    return found;
}

std::map<std::string, std::uint64_t> Slurm::peaks(const std::vector<std::string>& jobs) const {
    std::map<std::string, std::uint64_t> peaks;
    if (jobs.empty() || !is_on_path("sstat")) return peaks;
    std::string list;
    for (const std::string& job : jobs) list += (list.empty() ? "" : ",") + job + ".batch";
    // Not every cluster gathers it; then there is none.
    const auto told = said_by({"sstat", "-n", "-P", "-j", list, "--format=JobID,MaxRSS"});
    if (!told) return peaks;
    for (const std::string_view line : split(*told, '\n')) {
        const auto parts = split(line, '|');
        if (parts.size() == 2) peaks[std::string(split(parts[0], '.')[0])] = slurm_bytes(parts[1]);
    }
    return peaks;
}

Result<void> Slurm::cancel(const std::string& job) const {
    TRY(said_by({"scancel", job}));
    return {};
}

}  // namespace stroma::flow
