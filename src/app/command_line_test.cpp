#include "app/command_line.h"

#include <gtest/gtest.h>

#include <memory>

#include "app/completion.h"
#include "app/exit_code.h"
#include "app/spelling.h"
#include "app/verbs/verbs.h"

namespace stroma::app {
namespace {

class RecordingTerminal final : public Terminal {
public:
    RecordingTerminal() : Terminal(Screen{}, Screen{}) {}
    void print(std::string_view text) override { printed += text; }
    void print_error(std::string_view text) override { complained += text; }
    std::string printed, complained;
};

int run(RecordingTerminal& terminal, std::vector<std::string> arguments,
        const std::vector<Verb>& verbs = all_verbs()) {
    return run_command_line(arguments, verbs, terminal, {});
}

/// A verb that keeps what it was given.
struct Echo {
    std::vector<std::string> names, paths;
    std::string data;
    std::int64_t count = 0;
    Result<void> outcome;

    Verb verb() {
        return {.name = "echo",
                .summary = "For tests",
                .options = {{"path", &paths, "PATH", "paths"},
                            {"--names", &names, "NAMES", "with commas"},
                            {"-n,--count", &count, "N", "a number"}},
                .run = [this](Invocation& invocation) {
                    data = invocation.data;
                    return outcome;
                }};
    }
};

TEST(CommandLine, EveryVerbHasHelpWithASummaryAndItsExamplesBelow) {
    for (const auto& verb : all_verbs()) {
        RecordingTerminal terminal;
        EXPECT_EQ(run(terminal, {verb.name, "--help"}), 0) << verb.name;
        EXPECT_NE(terminal.printed.find(verb.summary), std::string::npos) << verb.name;
        EXPECT_NE(terminal.printed.find(verb.examples), std::string::npos) << verb.name;
        EXPECT_EQ(terminal.complained, "") << verb.name;
    }
}

TEST(CommandLine, AVerbThatWorksOnDataSaysWhatToDoWhenNoneIsNamed) {
    unsetenv("STROMA_DATA");
    Echo echo;
    RecordingTerminal terminal;
    EXPECT_EQ(run(terminal, {"echo"}, {echo.verb()}), 2);
    EXPECT_EQ(terminal.complained,
              "stroma: no data directory: give --data DIR or set STROMA_DATA\n");
}

TEST(CommandLine, TheDataDirectoryComesFromTheOptionElseFromTheEnvironment) {
    Echo echo;
    RecordingTerminal terminal;
    setenv("STROMA_DATA", "from-environment", 1);
    EXPECT_EQ(run(terminal, {"echo"}, {echo.verb()}), 0) << terminal.complained;
    EXPECT_EQ(echo.data, "from-environment");
    EXPECT_EQ(run(terminal, {"echo", "--data", "given"}, {echo.verb()}), 0);
    EXPECT_EQ(echo.data, "given");
    unsetenv("STROMA_DATA");
}

TEST(CommandLine, AListTakesCommasAndRepeatsAndLeavesThePathsAlone) {
    Echo echo;
    RecordingTerminal terminal;
    EXPECT_EQ(
        run(terminal,
            {"echo", "--data", "d", "--names", "CD3D,LYZ", "a", "--names", "GNLY", "b", "-n", "3"},
            {echo.verb()}),
        0)
        << terminal.complained;
    EXPECT_EQ(echo.names, (std::vector<std::string>{"CD3D", "LYZ", "GNLY"}));
    EXPECT_EQ(echo.paths, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(echo.count, 3);
}

TEST(CommandLine, AVerbsErrorIsOneSentenceAndItsCodeTheExitCode) {
    Echo echo;
    RecordingTerminal terminal;
    echo.outcome = fail(ErrorCode::not_found, "no dataset 'x'");
    EXPECT_EQ(run(terminal, {"echo", "--data", "d"}, {echo.verb()}), 3);
    EXPECT_EQ(terminal.complained, "stroma: no dataset 'x'\n");
}

TEST(CommandLine, AnErrorIsJsonWhenResultsAre) {
    Echo echo;
    RecordingTerminal terminal;
    echo.outcome = fail(ErrorCode::corrupt, "a \"block\" is damaged");
    EXPECT_EQ(run(terminal, {"echo", "--data", "d", "--json"}, {echo.verb()}), 10);
    EXPECT_EQ(terminal.complained,
              "{\"error\":{\"code\":\"corrupt\",\"message\":\"a \\\"block\\\" is damaged\"}}\n");
}

TEST(CommandLine, AMistypedVerbIsAnsweredWithTheNearestOne) {
    RecordingTerminal terminal;
    EXPECT_EQ(run(terminal, {"imprt", "file"}), 2);
    EXPECT_NE(terminal.complained.find("did you mean 'import'?"), std::string::npos)
        << terminal.complained;
}

TEST(CommandLine, AnUnknownOptionNamesItselfAndTheHelp) {
    RecordingTerminal terminal;
    EXPECT_EQ(run(terminal, {"sql", "--data", "d", "SELECT 1", "--colour"}), 2);
    EXPECT_NE(terminal.complained.find("--colour"), std::string::npos) << terminal.complained;
    EXPECT_NE(terminal.complained.find("stroma sql --help"), std::string::npos);
}

TEST(CommandLine, AChoiceOutsideTheListIsRefused) {
    RecordingTerminal terminal;
    EXPECT_EQ(run(terminal, {"sql", "--data", "d", "SELECT 1", "--format", "xls"}), 2);
    EXPECT_NE(terminal.complained.find("xls"), std::string::npos) << terminal.complained;
}

TEST(CommandLine, TheVersionNamesTheLibraries) {
    RecordingTerminal terminal;
    EXPECT_EQ(run(terminal, {"--version"}), 0);
    for (const auto* name : {"stroma 0.", "DuckDB 1.", "SQLite 3.", "HDF5 1.", "OpenSSL 3."})
        EXPECT_NE(terminal.printed.find(name), std::string::npos) << name;
}

TEST(CommandLine, ASettingCanBeGivenForOneRun) {
    RecordingTerminal terminal;
    EXPECT_EQ(run(terminal, {"config", "--set", "query.time=2min"}), 0) << terminal.complained;
    EXPECT_NE(terminal.printed.find("2min"), std::string::npos);
    EXPECT_EQ(run(terminal, {"config", "--set", "query.tme=2min"}), 2);
    EXPECT_NE(terminal.complained.find("did you mean 'query.time'?"), std::string::npos);
}

TEST(MatrixOptions, ExactlyOneSelectionIsAskedFor) {
    MatrixOptions options;
    options.output = "x.h5ad";
    EXPECT_FALSE(check_matrix_options(options));
    options.datasets = {"pbmc"};
    EXPECT_TRUE(check_matrix_options(options));
    options.where = "true";
    EXPECT_TRUE(check_matrix_options(options));
    options.sql = "SELECT 1";
    EXPECT_FALSE(check_matrix_options(options));
}

TEST(MatrixOptions, TheFormatIsTheOutputsEndingUnlessItIsSaid) {
    for (const auto& [output, format] : {std::pair("x.h5ad", "h5ad"),
                                         {"x.zarr/", "zarr"},
                                         {"x.mtx.zip", "mtx"},
                                         {"x.parquet", "parquet"}}) {
        MatrixOptions options;
        options.where = "true";
        options.output = output;
        ASSERT_TRUE(check_matrix_options(options)) << output;
        EXPECT_EQ(options.format, format);
    }
    MatrixOptions options;
    options.where = "true";
    options.output = "folder";
    EXPECT_FALSE(check_matrix_options(options));
    options.format = "mtx";
    EXPECT_TRUE(check_matrix_options(options));
}

TEST(ExitCode, EachErrorHasItsOwnAndNoneIsSuccess) {
    std::vector<int> seen = {0, 1};
    for (int code = 0; code <= static_cast<int>(ErrorCode::corrupt); ++code) {
        const int number = exit_code(static_cast<ErrorCode>(code));
        EXPECT_EQ(std::count(seen.begin(), seen.end(), number), 0) << number;
        seen.push_back(number);
        EXPECT_NE(exit_code_table().find(name_of(static_cast<ErrorCode>(code))), std::string::npos);
    }
}

TEST(Completion, KnowsVerbsOptionsAndChoicesInEachShell) {
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        const auto script = completion_script(shell, all_verbs());
        ASSERT_TRUE(script) << shell;
        for (const auto* word : {"import", "dataset", "orientation", "parquet", "revoke"})
            EXPECT_NE(script->find(word), std::string::npos) << shell << " " << word;
    }
    EXPECT_FALSE(completion_script("tcsh", all_verbs()));
}

TEST(Spelling, OnlyANearWordIsOffered) {
    const std::vector<std::string> known = {"import", "matrix"};
    EXPECT_EQ(did_you_mean("improt", known), "; did you mean 'import'?");
    EXPECT_EQ(did_you_mean("something", known), "");
}

}  // namespace
}  // namespace stroma::app
