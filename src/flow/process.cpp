#include "flow/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>

namespace stroma::flow {
namespace {

using std::chrono::steady_clock;

constexpr int look_ms = 100;
constexpr std::chrono::milliseconds grace{1000};  // between asking a process to end and ending it
constexpr std::size_t line_bytes_max = 64u << 10, tail_bytes_max = 16u << 10;

std::string slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// What a process holds of memory that isn't a file's.
std::uint64_t own_bytes(const std::string& process) {
    std::ifstream file("/proc/" + process + "/statm");
    std::uint64_t size = 0, resident = 0, shared = 0;
    if (!(file >> size >> resident >> shared) || resident < shared) return 0;
    return (resident - shared) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Of a process and all it has started and that hangs on it still.
std::uint64_t tree_bytes(const std::string& process, int depth = 0) {
    std::uint64_t sum = own_bytes(process);
    if (depth > 30) return sum;
    std::error_code error;
    for (const auto& thread : fs::directory_iterator("/proc/" + process + "/task", error)) {
        std::ifstream children(thread.path() / "children");
        std::string child;
        while (children >> child) sum += tree_bytes(child, depth + 1);
    }
    return sum;
}

/// A pipe whose ends aren't inherited.
struct Pipe {
    int read = -1, write = -1;
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == 0) {
            read = ends[0];
            write = ends[1];
        }
    }
    ~Pipe() {
        close(read);
        close(write);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    static void close(int& end) {
        if (end >= 0) ::close(end);
        end = -1;
    }
};

/// The child's part between fork and exec: system calls only.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* folder,
                         int output, int errors, std::uint64_t data_bytes, pid_t parent) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_DFL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, 0);
    ::dup2(output, 1);
    ::dup2(errors, 2);
    // Every other file of ours stays here, also one that was opened without saying so.
    ::syscall(SYS_close_range, 3, ~0U, 0);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (data_bytes > 0) {
        const rlimit data{data_bytes, data_bytes};
        ::setrlimit(RLIMIT_DATA, &data);
    }
    if (::chdir(folder) == 0) ::execvpe(arguments[0], arguments, environment);
    constexpr std::string_view failed = "the command could not be started\n";
    static_cast<void>(!::write(2, failed.data(), failed.size()));
    ::_exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

/// Lines out of what comes piece by piece.
class Lines {
public:
    explicit Lines(std::function<void(std::string_view)> take) : take_(std::move(take)) {}
    void add(std::string_view piece) {
        for (const char character : piece) {
            if (character == '\n') {
                take_(line_);
                line_.clear();
            } else if (line_.size() < line_bytes_max) {
                line_ += character;
            }
        }
    }
    void end() {
        if (!line_.empty()) take_(line_);
        line_.clear();
    }

private:
    std::function<void(std::string_view)> take_;
    std::string line_;
};

class RunningProcess {
public:
    RunningProcess(const ProcessOrder& order, const std::function<bool()>& cancelled,
                   const std::function<void(std::string_view)>& on_line)
        : order_(order),
          cancelled_(cancelled),
          log_(order.log, std::ios::binary | std::ios::app),
          lines_([this, &on_line](std::string_view line) {
              if (!line.starts_with('{')) write_log(line, "\n");
              on_line(line);
          }) {}

    Result<ProcessEnd> run();

private:
    Result<void> start();
    void read_from(int descriptor, bool is_errors);
    void watch();
    void ask_to_end();
    void write_log(std::string_view text, std::string_view end = {}) {
        const std::uint64_t size = text.size() + end.size();
        if (logged_ + size > order_.log_bytes_max) return;
        logged_ += size;
        log_ << text << end;
        log_.flush();
    }

    const ProcessOrder& order_;
    const std::function<bool()>& cancelled_;
    std::ofstream log_;
    std::uint64_t logged_ = 0;
    Lines lines_;
    Pipe output_, errors_;
    pid_t child_ = -1;
    ProcessEnd end_;
    std::optional<steady_clock::time_point> asked_;
    steady_clock::time_point started_ = steady_clock::now();
};

Result<void> RunningProcess::start() {
    std::vector<std::string> environment = order_.environment;
    environment.push_back("STROMA_TASK_MARK=" + order_.mark);
    const auto arguments = pointers(order_.command);
    const auto variables = pointers(environment);
    const pid_t self = ::getpid();
    // What it is watched for is exact; this holds should it take it all between two looks.
    const std::uint64_t data_max =
        order_.memory_bytes == 0 ? 0 : order_.memory_bytes * 2 + (256u << 20);
    if (output_.write < 0 || errors_.write < 0)
        return fail(error_from_errno("opening a pipe for", order_.command[0], errno));
    child_ = ::fork();
    if (child_ == 0)
        become(arguments.data(), variables.data(), order_.folder.c_str(), output_.write,
               errors_.write, data_max, self);
    if (child_ < 0) return fail(error_from_errno("starting", order_.command[0], errno));
    Pipe::close(output_.write);
    Pipe::close(errors_.write);
    for (const int end : {output_.read, errors_.read}) ::fcntl(end, F_SETFL, O_NONBLOCK);
    return {};
}

void RunningProcess::read_from(int descriptor, bool is_errors) {
    char piece[16384];
    while (true) {
        const ssize_t size = ::read(descriptor, piece, sizeof piece);
        if (size <= 0) return;
        const std::string_view text(piece, static_cast<std::size_t>(size));
        if (!is_errors) {
            lines_.add(text);
            continue;
        }
        write_log(text);
        end_.error_tail += text;
        if (end_.error_tail.size() > 2 * tail_bytes_max)
            end_.error_tail.erase(0, end_.error_tail.size() - tail_bytes_max);
    }
}

void RunningProcess::ask_to_end() {
    if (!asked_) {
        asked_ = steady_clock::now();
        ::kill(-child_, SIGTERM);
    } else if (steady_clock::now() - *asked_ > grace) {
        ::kill(-child_, SIGKILL);
    }
}

void RunningProcess::watch() {
    const std::uint64_t bytes = tree_bytes(std::to_string(child_));
    end_.peak_bytes = std::max(end_.peak_bytes, bytes);
    if (order_.memory_bytes > 0 && bytes > order_.memory_bytes && !end_.cancelled &&
        !end_.timed_out) {
        end_.over_memory = true;
        ::kill(-child_, SIGKILL);
    }
    const auto age = steady_clock::now() - started_;
    if (!asked_ && order_.timeout.count() > 0 && age > order_.timeout) end_.timed_out = true;
    if (!asked_ && cancelled_()) end_.cancelled = true;
    if (end_.timed_out || end_.cancelled) ask_to_end();
}

Result<ProcessEnd> RunningProcess::run() {
    TRY(start());
    int status = 0;
    rusage usage{};
    while (true) {
        pollfd ends[] = {{output_.read, POLLIN, 0}, {errors_.read, POLLIN, 0}};
        // A closed pipe would end every wait at once.
        const bool is_open = ::poll(ends, 2, look_ms) > 0;
        const bool is_closed = ((ends[0].revents | ends[1].revents) & POLLIN) == 0;
        if (is_open && is_closed) ::poll(nullptr, 0, 10);
        read_from(output_.read, false);
        read_from(errors_.read, true);
        const pid_t ended = ::wait4(child_, &status, WNOHANG, &usage);
        if (ended == child_ || (ended < 0 && errno != EINTR)) break;
        watch();
    }
    // What it left running goes, and what is in the pipes is read.
    ::kill(-child_, SIGKILL);
    kill_marked(order_.mark);
    read_from(output_.read, false);
    read_from(errors_.read, true);
    lines_.end();
    if (end_.error_tail.size() > tail_bytes_max)
        end_.error_tail.erase(0, end_.error_tail.size() - tail_bytes_max);
    if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
    if (WIFEXITED(status)) end_.exit_code = WEXITSTATUS(status);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    end_.core_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    // Not ru_maxrss: that remembers what this program had when it forked.
    return std::move(end_);
}

}  // namespace

Result<ProcessEnd> run_process(const ProcessOrder& order, const std::function<bool()>& cancelled,
                               const std::function<void(std::string_view)>& on_line) {
    return RunningProcess(order, cancelled, on_line).run();
}

namespace {

/// Whether there was one to kill. Waits for its end: it may be amid a write for a moment.
bool kill_and_wait(pid_t process) {
    constexpr int patience_ms = 5000;
    const auto watched = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
    const bool killed = ::kill(process, SIGKILL) == 0;
    if (watched < 0) return killed;
    pollfd end{watched, POLLIN, 0};
    if (killed) (void)::poll(&end, 1, patience_ms);
    ::close(watched);
    return killed;
}

}  // namespace

int kill_marked(std::string_view beginning) {
    const std::string wanted = fmt::format("STROMA_TASK_MARK={}", beginning);
    int killed = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        pid_t process = 0;
        const auto read = std::from_chars(name.data(), name.data() + name.size(), process);
        if (read.ec != std::errc() || read.ptr != name.data() + name.size()) continue;
        if (process == ::getpid()) continue;
        const std::string environment = slurp("/proc/" + name + "/environ");
        for (std::size_t at = environment.find(wanted); at != std::string::npos;
             at = environment.find(wanted, at + 1)) {
            if (at > 0 && environment[at - 1] != '\0') continue;
            killed += kill_and_wait(process) ? 1 : 0;
            break;
        }
    }
    return killed;
}

}  // namespace stroma::flow
