#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "load/child/parser_channel.h"
#include "load/child/parser_child.h"
#include "load/child/parser_messages.h"
#include "load/child/parser_spawn.h"

namespace stroma::loading {
namespace {

using expression::InputFiles;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds between_looks{50};
constexpr std::uint64_t bytes_a_second = 20'000'000;
constexpr std::size_t listed_bytes_a_message = 32u << 10;

std::uint64_t input_bytes(const fs::path& path) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
        const auto size = fs::file_size(path, ignored);
        return ignored ? 0 : size;
    }
    std::uint64_t bytes = 0;
    for (auto entry = fs::recursive_directory_iterator(path, ignored);
         !ignored && entry != fs::recursive_directory_iterator(); entry.increment(ignored)) {
        std::error_code no_size;
        const auto size = entry->is_regular_file(no_size) ? entry->file_size(no_size) : 0;
        if (!no_size) bytes += size;
    }
    return bytes;
}

/// Both ends of a socket that keeps messages apart.
Result<std::pair<File, File>> socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(error_from_errno("making", "the parser's socket", errno));
    std::pair<File, File> pair{File(ends[0], "the parser's socket"),
                               File(ends[1], "the parser's socket")};
    // A child that doesn't read must not hold its parent.
    const timeval patience{10, 0};
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return pair;
}

/// What the end of a child that gave no answer says about the file.
Error error_of_end(const std::string& name, int status) {
    const auto stopped = [&](ErrorCode code, std::string_view why) {
        return Error{code, fmt::format("the parser of {} was stopped: {}", name, why)};
    };
    if (!WIFSIGNALED(status))
        return stopped(ErrorCode::invalid_input, "it ended without an answer");
    switch (WTERMSIG(status)) {
        case SIGSYS:
            return stopped(ErrorCode::invalid_input,
                           "it tried what a parser may not do (a forbidden system call)");
        case SIGXCPU: return stopped(ErrorCode::exhausted, "limit: time");
        case SIGXFSZ: return stopped(ErrorCode::exhausted, "limit: output");
        case SIGKILL: return stopped(ErrorCode::exhausted, "limit: memory of the machine");
        default:
            return stopped(
                ErrorCode::invalid_input,
                fmt::format("it crashed ({}); the file is damaged", ::strsignal(WTERMSIG(status))));
    }
}

/// The talk with one child, until it has answered, died, or is to be killed.
class Conversation {
public:
    Conversation(ParserChannel& channel, InputFiles& files, const ParseRequest& request,
                 const expression::Watch& watch)
        : channel_(channel), files_(files), request_(request), watch_(watch) {}

    /// Nothing: the child is gone without an answer.
    Result<std::optional<ParseReport>> run(milliseconds time);

private:
    Result<bool> wait_for_message(SteadyClock::time_point deadline);
    Result<void> serve(const Json& asked);
    Result<void> serve_open(const Json& name);
    Result<void> serve_names();
    void show_progress(const Json& progress);

    ParserChannel& channel_;
    InputFiles& files_;
    const ParseRequest& request_;
    const expression::Watch& watch_;
    std::vector<std::string> names_;
    std::size_t names_sent_ = 0;
    SteadyClock::time_point last_progress_{};
};

Result<bool> Conversation::wait_for_message(SteadyClock::time_point deadline) {
    if (watch_.cancelled && watch_.cancelled())
        return fail(ErrorCode::cancelled, "the import of " + files_.name() + " was cancelled");
    if (SteadyClock::now() >= deadline)
        return fail(ErrorCode::exhausted,
                    fmt::format("the parser of {} was stopped: limit: time", files_.name()));
    pollfd waiting{channel_.descriptor(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(between_looks.count()));
    if (ready < 0 && errno != EINTR)
        return fail(error_from_errno("waiting for", "the parser", errno));
    return ready > 0;
}

Result<std::optional<ParseReport>> Conversation::run(milliseconds time) {
    const auto deadline = SteadyClock::now() + time;
    while (true) {
        if (!TRY(wait_for_message(deadline))) continue;
        const auto message = TRY(channel_.receive());
        if (!message) return std::optional<ParseReport>();
        const Json& json = message->json;
        if (const auto result = json.find("result"); result != json.end())
            return std::optional<ParseReport>(TRY(report_from_json(*result)));
        if (const auto failed = json.find("failed"); failed != json.end())
            return fail(error_from_json(*failed));
        TRY(serve(json));
    }
}

Result<void> Conversation::serve(const Json& asked) {
    if (const auto name = asked.find("open"); name != asked.end()) return serve_open(*name);
    if (asked.contains("list")) {
        auto listed = files_.list();
        if (!listed) return channel_.send({{"error", to_json(listed.error())}});
        names_ = std::move(*listed);
        names_sent_ = 0;
        return serve_names();
    }
    if (asked.contains("more")) return serve_names();
    if (const auto progress = asked.find("progress"); progress != asked.end())
        show_progress(*progress);
    return {};
}

Result<void> Conversation::serve_open(const Json& name) {
    if (!name.is_string()) return fail(ErrorCode::invalid_input, "the parser asked for no name");
    const auto file = files_.open(name.get<std::string>());
    if (!file) return channel_.send({{"error", to_json(file.error())}});
    return channel_.send({{"opened", true}}, file->descriptor());
}

Result<void> Conversation::serve_names() {
    Json names = Json::array();
    for (std::size_t bytes = 0; names_sent_ < names_.size() && bytes < listed_bytes_a_message;
         ++names_sent_) {
        names.push_back(names_[names_sent_]);
        bytes += 2 * names_[names_sent_].size() + 4;
    }
    return channel_.send({{"names", names}, {"last", names_sent_ == names_.size()}});
}

void Conversation::show_progress(const Json& progress) {
    const auto now = SteadyClock::now();
    if (!watch_.progress || now - last_progress_ < between_looks || !progress.is_object()) return;
    const auto done = progress.find("done"), total = progress.find("total"),
               unit = progress.find("unit");
    if (done == progress.end() || total == progress.end() || unit == progress.end()) return;
    if (!done->is_number() || !total->is_number() || !unit->is_string()) return;
    last_progress_ = now;
    watch_.progress(done->get<double>(), total->get<double>(),
                    unit->get<std::string>().substr(0, 40));
}

Result<ParseReport> talk(const ParseRequest& request, InputFiles& files, const File& output,
                         const expression::Watch& watch) {
    const File scratch = TRY(File::temporary(request.scratch_folder));
    auto [mine, childs] = TRY(socket_pair());
    ParserChannel channel(std::move(mine));
    SpawnedParser child = TRY(SpawnedParser::start(childs, output, scratch));
    childs.close();
    ParseOrder order{files.name(),           files.is_folder(), request.format, request.read,
                     request.sum_duplicates, request.durable,   request.limits};
    order.limits.time += milliseconds(input_bytes(request.input) * 1000 / bytes_a_second);
    Result<std::optional<ParseReport>> said = std::optional<ParseReport>();
    // A child that died at once can't be written to; its end says more than the failed write.
    if (channel.send(to_json(order)))
        said = Conversation(channel, files, request, watch).run(order.limits.time);
    if (said && *said) return std::move(**said);
    if (!said) return fail(std::move(said.error()));
    child.kill();  // has no effect on what has ended by itself
    return fail(error_of_end(files.name(), child.wait()));
}

}  // namespace

Result<ParseReport> parse_in_child(const ParseRequest& request,
                                   const std::vector<const expression::FormatReader*>& readers,
                                   const expression::Watch& watch) {
    const bool known = request.format.empty() ||
                       std::any_of(readers.begin(), readers.end(), [&](const auto* reader) {
                           return reader->name() == request.format;
                       });
    if (!known)
        return fail(ErrorCode::invalid_input, "the format '" + request.format + "' isn't known");
    const auto files = TRY(expression::open_input(request.input));
    const File output = TRY(File::create(request.output));
    Result<ParseReport> report = talk(request, *files, output, watch);
    if (!report) static_cast<void>(remove_file(request.output));
    return report;
}

}  // namespace stroma::loading
