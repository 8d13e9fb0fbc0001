#include "load/child/parser_child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/threads.h"

namespace stroma::loading {
namespace {

using expression::AnnotatedData;
using expression::FormatReader;
using expression::InputFiles;
using expression::ReadOptions;

/// A reader that does one thing, chosen by its name.
class Misbehaving final : public FormatReader {
public:
    using Deed = Result<AnnotatedData> (*)(InputFiles&);
    Misbehaving(std::string_view name, Deed deed) : name_(name), deed_(deed) {}
    std::string_view name() const override { return name_; }
    bool recognises(InputFiles&) const override { return false; }
    Result<AnnotatedData> read(InputFiles& files, const ReadOptions&) const override {
        return deed_(files);
    }

private:
    std::string_view name_;
    Deed deed_;
};

/// What proves that the child got past its deed.
tl::unexpected<Error> survived(const std::string& what) {
    return fail(ErrorCode::unsupported, "survived: " + what);
}

Result<AnnotatedData> crash(InputFiles&) {
    std::raise(SIGSEGV);
    return survived("SIGSEGV");
}
Result<AnnotatedData> fail_an_assertion(InputFiles&) { std::abort(); }
Result<AnnotatedData> open_a_file(InputFiles&) {
    return survived(std::to_string(::open("/etc/passwd", O_RDONLY)));
}
Result<AnnotatedData> open_a_socket(InputFiles&) {
    return survived(std::to_string(::socket(AF_INET, SOCK_STREAM, 0)));
}
Result<AnnotatedData> start_a_process(InputFiles&) { return survived(std::to_string(::fork())); }
Result<AnnotatedData> run_a_program(InputFiles&) {
    char program[] = "/bin/true";
    char* const arguments[] = {program, nullptr};
    ::execv(program, arguments);
    return survived("exec");
}
Result<AnnotatedData> signal_its_parent(InputFiles&) {
    ::kill(::getppid(), SIGTERM);
    return survived("kill");
}
Result<AnnotatedData> allocate_without_end(InputFiles&) {
    std::vector<std::unique_ptr<char[]>> kept;
    for (std::size_t i = 0; i < 1u << 20; ++i) {
        kept.push_back(std::make_unique<char[]>(1u << 20));
        kept.back()[i % 4096] = 1;
    }
    return survived("1 TiB");
}
Result<AnnotatedData> allocate_on_all_threads(InputFiles& files) {
    TRY(parallel_for(8, [&](std::size_t) -> Result<void> {
        static_cast<void>(allocate_without_end(files));
        return {};
    }));
    return survived("threads");
}
Result<AnnotatedData> share_memory_with_nobody(InputFiles&) {
    ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return survived("mmap");
}
Result<AnnotatedData> map_its_input(InputFiles& files) {
    const File file = TRY(files.open("input.txt"));
    return survived(std::to_string(TRY(MappedFile::map(file)).bytes().size()));
}
Result<AnnotatedData> loop_for_ever(InputFiles&) {
    for (std::atomic<std::uint64_t> count{0};;) ++count;
}
Result<AnnotatedData> say_what_was_read(InputFiles& files) {
    std::string text = files.name() + ":";
    for (const std::string& name : TRY(files.list())) {
        const File file = TRY(files.open(name));
        std::string bytes(TRY(file.size()), '\0');
        TRY(file.read_at(0, std::as_writable_bytes(std::span(bytes))));
        text += " " + name + "=" + bytes;
    }
    return survived(text);
}
Result<AnnotatedData> count_what_is_listed(InputFiles& files) {
    const std::vector<std::string> names = TRY(files.list());
    return survived(std::to_string(names.size()) + " up to " + names.back());
}
Result<AnnotatedData> leave_the_folder(InputFiles& files) {
    TRY(files.open("../secret"));
    return survived("opened");
}
Result<AnnotatedData> follow_a_link_out(InputFiles& files) {
    TRY(files.open("link"));
    return survived("opened");
}
Result<AnnotatedData> look_around(InputFiles&) {
    std::string open;
    for (int i = 3; i < 256; ++i)
        if (::fcntl(i, F_GETFL) >= 0) open += std::to_string(i) + " ";
    return survived(open + (environ[0] == nullptr ? "no environment" : environ[0]));
}
Result<AnnotatedData> use_threads(InputFiles&) {
    std::atomic<int> sum{0};
    TRY(parallel_for(100, [&](std::size_t i) -> Result<void> {
        sum += static_cast<int>(i);
        return {};
    }));
    return survived(std::to_string(sum));
}
/// Two cells with 3 and 0 of one gene.
class OneGene final : public expression::MatrixSource {
public:
    std::uint64_t cell_count() const override { return 2; }
    std::uint64_t gene_count() const override { return 1; }
    expression::ValueType value_type() const override { return expression::ValueType::float32; }
    expression::Order order() const override { return expression::Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 2; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count,
                            expression::LineBlock& out) override {
        out = {first, {0}, {}, {}};
        for (std::uint64_t line = first; line < first + count; ++line) {
            if (line == 0) {
                const float three = 3;
                out.places.push_back(0);
                const ByteSpan bytes = std::as_bytes(std::span(&three, 1));
                out.values.insert(out.values.end(), bytes.begin(), bytes.end());
            }
            out.starts.push_back(out.places.size());
        }
        return {};
    }
};

/// What makes malloc give memory back to the system.
Result<AnnotatedData> allocate_and_free_on_threads(InputFiles&) {
    TRY(parallel_for(16, [](std::size_t) -> Result<void> {
        std::vector<std::unique_ptr<char[]>> kept;
        for (int i = 0; i < 200; ++i) kept.push_back(std::make_unique<char[]>(100'000));
        return {};
    }));
    return survived("freeing");
}
Result<AnnotatedData> give_two_cells(InputFiles&) {
    AnnotatedData data;
    data.obs.index = {"c1", "c2"};
    data.var.index = {"g1"};
    data.matrices.push_back({"X", expression::Unit::counts, std::make_unique<OneGene>()});
    data.notes = {"two cells"};
    return data;
}

const Misbehaving all_readers[] = {
    {"crash", crash},
    {"abort", fail_an_assertion},
    {"open", open_a_file},
    {"socket", open_a_socket},
    {"fork", start_a_process},
    {"exec", run_a_program},
    {"kill", signal_its_parent},
    {"allocate", allocate_without_end},
    {"allocate-threads", allocate_on_all_threads},
    {"share", share_memory_with_nobody},
    {"map", map_its_input},
    {"loop", loop_for_ever},
    {"files", say_what_was_read},
    {"count", count_what_is_listed},
    {"leave", leave_the_folder},
    {"link", follow_a_link_out},
    {"look", look_around},
    {"threads", use_threads},
    {"free", allocate_and_free_on_threads},
    {"cells", give_two_cells},
};

std::vector<const FormatReader*> readers() {
    std::vector<const FormatReader*> pointers;
    for (const Misbehaving& reader : all_readers) pointers.push_back(&reader);
    return pointers;
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd"))
        count += entry.path().empty() ? 0 : 1;
    return count;
}

class ParserChild : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "parser_child_XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        write("input.txt", "hello");
        descriptors_ = open_descriptors();
    }
    void TearDown() override {
        EXPECT_EQ(open_descriptors(), descriptors_) << "a descriptor leaked";
        EXPECT_TRUE(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD) << "a child is left";
        fs::remove_all(folder_);
    }
    void write(const std::string& name, std::string_view text) {
        fs::create_directories((folder_ / name).parent_path());
        ASSERT_TRUE(replace_file(folder_ / name, as_bytes(text)));
    }
    ParseRequest request(const std::string& format, const std::string& input = "input.txt") {
        ParseRequest request;
        request.input = folder_ / input;
        request.output = folder_ / "sealed";
        request.scratch_folder = folder_;
        request.format = format;
        request.limits.memory_bytes = 256u << 20;
        request.limits.output_bytes = 64u << 20;
        return request;
    }
    Error error_of(const ParseRequest& request, const expression::Watch& watch = {}) {
        const Result<ParseReport> report = parse_in_child(request, readers(), watch);
        EXPECT_FALSE(fs::exists(request.output));
        if (report) return {ErrorCode::corrupt, "it succeeded"};
        return report.error();
    }
    Error error_of(const std::string& format) { return error_of(request(format)); }

    fs::path folder_;
    std::size_t descriptors_ = 0;
};

TEST_F(ParserChild, SealsWhatItReadIntoTheOutput) {
    const auto report = parse_in_child(request("cells"), readers(), {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->format, "cells");
    EXPECT_EQ(report->notes, std::vector<std::string>{"two cells"});
    EXPECT_EQ(report->summary.cells, 2u);
    const expression::MatrixSummary* x = report->summary.find("X");
    ASSERT_NE(x, nullptr);
    EXPECT_EQ(x->nonzeros, 1u);
    EXPECT_EQ(x->sum, 3);
    EXPECT_EQ(x->unit, expression::Unit::counts);
    EXPECT_EQ(report->summary.bytes, fs::file_size(folder_ / "sealed"));
}

TEST_F(ParserChild, ACrashIsAnErrorOfThatFile) {
    for (const char* format : {"crash", "abort"}) {
        const Error error = error_of(format);
        EXPECT_EQ(error.code, ErrorCode::invalid_input) << error.message;
        EXPECT_NE(error.message.find("the parser of input.txt was stopped: it crashed"),
                  std::string::npos)
            << error.message;
    }
}

TEST_F(ParserChild, MayNotOpenConnectStartOrSignalAnything) {
    for (const char* format : {"open", "socket", "fork", "exec", "kill", "share"}) {
        const Error error = error_of(format);
        EXPECT_EQ(error.code, ErrorCode::invalid_input) << format << ": " << error.message;
        EXPECT_NE(error.message.find("forbidden system call"), std::string::npos)
            << format << ": " << error.message;
    }
}

TEST_F(ParserChild, EndsAtItsMemoryLimit) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers reserve more addresses than any limit";
#endif
    for (const char* format : {"allocate", "allocate-threads"}) {
        const Error error = error_of(format);
        EXPECT_EQ(error.code, ErrorCode::exhausted) << error.message;
        EXPECT_NE(error.message.find("limit: memory"), std::string::npos) << error.message;
    }
}

TEST_F(ParserChild, AFileThatItMapsIsNotItsMemory) {
    ParseRequest large = request("map");
    fs::resize_file(large.input, large.limits.memory_bytes + (32u << 20));
    EXPECT_EQ(error_of(large).message,
              "survived: " + std::to_string(large.limits.memory_bytes + (32u << 20)));
}

TEST_F(ParserChild, EndsAtItsTimeLimit) {
    ParseRequest looping = request("loop");
    looping.limits.time = std::chrono::milliseconds(200);
    const Error error = error_of(looping);
    EXPECT_EQ(error.code, ErrorCode::exhausted) << error.message;
    EXPECT_NE(error.message.find("limit: time"), std::string::npos) << error.message;
}

TEST_F(ParserChild, IsKilledWhenItsImportIsCancelled) {
    int asked = 0;
    expression::Watch watch;
    watch.cancelled = [&] { return ++asked > 3; };
    EXPECT_EQ(error_of(request("loop"), watch).code, ErrorCode::cancelled);
}

TEST_F(ParserChild, ReadsTheFilesOfItsInputThroughItsParent) {
    EXPECT_EQ(error_of("files").message, "survived: input.txt: input.txt=hello");
    write("folder/b.txt", "2");
    write("folder/a/c.txt", "1");
    EXPECT_EQ(error_of(request("files", "folder")).message, "survived: folder: a/c.txt=1 b.txt=2");
}

TEST_F(ParserChild, ListsMoreFilesThanOneMessageHolds) {
    fs::create_directory(folder_ / "many");
    for (int i = 1000; i < 3000; ++i)
        std::ofstream(folder_ / "many" / ("a-file-with-a-rather-long-name-" + std::to_string(i)));
    EXPECT_EQ(error_of(request("count", "many")).message,
              "survived: 2000 up to a-file-with-a-rather-long-name-2999");
}

TEST_F(ParserChild, SeesNothingOutsideItsInput) {
    write("secret", "42");
    write("folder/a.txt", "1");
    fs::create_symlink(folder_ / "secret", folder_ / "folder/link");
    for (const char* format : {"leave", "link"}) {
        const Error error = error_of(request(format, "folder"));
        EXPECT_EQ(error.code, ErrorCode::invalid_input) << error.message;
        EXPECT_NE(error.message.find("leaves"), std::string::npos) << error.message;
    }
}

TEST_F(ParserChild, InheritsThreeDescriptorsAndNoEnvironment) {
    ::setenv("STROMA_SECRET", "42", 1);
    EXPECT_EQ(error_of("look").message, "survived: 3 4 5 no environment");
}

TEST_F(ParserChild, MayUseThreadsAndTheirMemory) {
    EXPECT_EQ(error_of("threads").message, "survived: 4950");
    EXPECT_EQ(error_of("free").message, "survived: freeing");
}

TEST_F(ParserChild, ManyRunAtOnce) {
    std::vector<std::jthread> team;
    std::atomic<int> right{0};
    for (int i = 0; i < 8; ++i)
        team.emplace_back([&, i] {
            ParseRequest mine = request(i % 2 == 0 ? "threads" : "crash");
            mine.output = folder_ / std::to_string(i);
            const auto report = parse_in_child(mine, readers(), {});
            const ErrorCode wanted = i % 2 == 0 ? ErrorCode::unsupported : ErrorCode::invalid_input;
            right += !report && report.error().code == wanted;
        });
    team.clear();
    EXPECT_EQ(right, 8);
}

TEST_F(ParserChild, AFormatThatNobodyReadsIsRefused) {
    EXPECT_EQ(error_of("docx").code, ErrorCode::invalid_input);
    const Error error = error_of("");
    EXPECT_EQ(error.code, ErrorCode::invalid_input);
    EXPECT_NE(error.message.find("input.txt isn't of a known format"), std::string::npos)
        << error.message;
}

TEST_F(ParserChild, AnOutputThatIsThereIsLeftAlone) {
    write("sealed", "precious");
    const auto report = parse_in_child(request("threads"), readers(), {});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::already_exists);
    EXPECT_EQ(read_file(folder_ / "sealed").value(), "precious");
}

}  // namespace
}  // namespace stroma::loading

int main(int count, char** arguments) {
    if (stroma::loading::is_parser_child(count, arguments))
        stroma::loading::run_parser_child(count, arguments, stroma::loading::readers());
    testing::InitGoogleTest(&count, arguments);
    return RUN_ALL_TESTS();
}
