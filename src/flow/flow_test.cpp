#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "flow/admission.h"
#include "flow/engine.h"
#include "flow/process.h"
#include "flow/retry.h"
#include "flow/task_key.h"
#include "flow/told/graph.h"
#include "flow/told/told.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::flow {
namespace {

constexpr const char* two_stages = R"(pipeline: p
inputs: {images: "*.txt"}
parameters: {sigma: 2}
stages:
  join:
    command: [cat]
    inputs: {all: each.out}
    outputs: [out]
  each:
    command: [cat]
    inputs: {image: images}
    scatter: images
    parameters: {sigma: "${sigma}"}
    outputs: [out]
    resources: {memory: 1MiB}
)";

std::vector<std::string> issues_of(std::string_view yaml, const Steps* steps = nullptr) {
    std::vector<std::string> texts;
    for (const Issue& issue : read_definition(yaml, {}, steps, "").issues)
        texts.push_back(text_of("p.yaml", issue));
    return texts;
}

TEST(Definition, StagesStandBehindWhatTheyReadAndParametersAreFilledIn) {
    const Checked checked = read_definition(two_stages, {{"sigma", "3.5"}}, nullptr, "");
    ASSERT_TRUE(checked.issues.empty()) << text_of("p", checked.issues.front());
    ASSERT_EQ(checked.definition.stages.size(), 2u);
    EXPECT_EQ(checked.definition.stages[0].name, "each");
    EXPECT_EQ(checked.definition.stages[0].parameters.at("sigma"), "3.5");
    EXPECT_NE(dot_of(checked.definition).find("\"each\" -> \"join\""), std::string::npos);
}

TEST(Definition, BuiltInStepsAreCheckedWithTheirParametersAndRanges) {
    const auto steps = steps_in(R"({"steps": [{"name": "segment", "version": 2,
        "inputs": [{"name": "image", "required": true}], "outputs": [{"name": "labels"}],
        "parameters": [{"name": "sigma", "type": "number", "min": 0, "max": 9}]}]})");
    ASSERT_TRUE(steps);
    const std::string head = "pipeline: p\ninputs: {images: '*'}\nstages:\n  s:\n";
    const auto wrong = [&](const std::string& stage) {
        const auto issues = issues_of(head + stage, &*steps);
        return issues.empty() ? "" : issues.front();
    };
    EXPECT_EQ(wrong("    step: segment\n    inputs: {image: images}\n"), "");
    EXPECT_NE(wrong("    step: segmnt\n").find("did you mean 'segment'?"), std::string::npos);
    EXPECT_NE(wrong("    step: segment\n    inputs: {image: images}\n"
                    "    parameters: {sigma: 10}\n")
                  .find("p.yaml:7:25: stages.s.parameters.sigma: 10 is out of range: 0 to 9"),
              std::string::npos);
    EXPECT_NE(wrong("    step: segment\n").find("needs this input"), std::string::npos);
}

TEST(Definition, TextThatIsNoYamlAndDeepNestingAreToldNotSuffered) {
    EXPECT_FALSE(issues_of("a: [").empty());
    EXPECT_FALSE(issues_of("").empty());
    EXPECT_FALSE(issues_of("- 1").empty());
    EXPECT_FALSE(issues_of(std::string(3000, '[')).empty());
    EXPECT_FALSE(issues_of(std::string(2 << 20, ' ')).empty());
}

TEST(TaskKey, NamesOfFilesDoNotCountAndChangesAreNamed) {
    KeyParts before{.code = {{"step segment", "1"}},
                    .parameters = {{"sigma", "2"}},
                    .inputs = {{"image", {{"a", "hash1"}}}}};
    KeyParts now = before;
    now.inputs["image"][0].first = "another name";
    EXPECT_EQ(key_of(before), key_of(now));
    now = before;
    now.parameters["sigma"] = "3";
    now.inputs["image"][0].second = "hash2";
    EXPECT_NE(key_of(before), key_of(now));
    const std::vector<std::string> expected = {"parameter sigma: 2 before, 3 now",
                                               "input image: a has changed"};
    EXPECT_EQ(changes_between(KeyParts::from_json(before.json()), now), expected);
}

TEST(Retry, EachCauseHasItsOwnAnswer) {
    const auto after = [](Outcome outcome, int times, std::uint64_t memory = 100) {
        return judge(outcome, {{{outcome, times}}, memory, Milliseconds{1000}}, Retries{}, 400,
                     Milliseconds{1000}, 200);
    };
    EXPECT_FALSE(after(Outcome::bad_input, 1).again);
    EXPECT_FALSE(after(Outcome::failure, 1).again);
    EXPECT_EQ(after(Outcome::memory, 1).memory_bytes, 200u);
    EXPECT_EQ(after(Outcome::memory, 1, 300).memory_bytes, 400u);
    EXPECT_FALSE(after(Outcome::memory, 1, 400).again);
    EXPECT_EQ(after(Outcome::timeout, 1).timeout, Milliseconds{2000});
    EXPECT_FALSE(after(Outcome::timeout, 2).again);
    EXPECT_EQ(after(Outcome::temporary, 1).delay, Milliseconds{1000});
    EXPECT_EQ(after(Outcome::temporary, 3).delay, Milliseconds{4000});
    EXPECT_FALSE(after(Outcome::temporary, 6).again);
    EXPECT_EQ(after(Outcome::lost, 1).delay, Milliseconds{0});
}

TEST(Admission, SmallTasksPassALargeOneUntilItsPatienceEnds) {
    const Candidate large{.task = 1, .owner = "a", .ready_ms = 0, .cores = 4, .memory_bytes = 8};
    const Candidate small{.task = 2, .owner = "a", .ready_ms = 10, .cores = 1, .memory_bytes = 1};
    const AdmissionRules rules{.whole = {4, 8}, .patience = Milliseconds{1000}};
    EXPECT_EQ(choose({large, small}, {2, 8}, rules, {}, 500), 2);
    EXPECT_EQ(choose({large, small}, {2, 8}, rules, {}, 1500), std::nullopt);
    EXPECT_EQ(choose({large, small}, {4, 8}, rules, {}, 1500), 1);
    // One that fits no worker holds nobody up.
    EXPECT_EQ(choose({large, small}, {2, 8}, {{2, 8}, Milliseconds{1000}}, {}, 1500), 2);
    // Who has less running comes first; priority goes before all.
    Candidate other = small;
    other.task = 3;
    other.owner = "b";
    other.ready_ms = 20;
    EXPECT_EQ(choose({small, other}, {4, 8}, rules, {{"a", 2}}, 30), 3);
    Candidate urgent = small;
    urgent.task = 4;
    urgent.priority = 1;
    EXPECT_EQ(choose({other, urgent}, {4, 8}, rules, {{"a", 2}}, 30), 4);
}

TEST(Admission, WorkersFollowTheQueueWithinTheirLimitsAndDownToNone) {
    const ScaleRules rules{.least = 0, .most = 4, .drain_seconds = 60};
    EXPECT_EQ(workers_wanted({0, 0}, rules), 0);
    EXPECT_EQ(workers_wanted({1, 1}, rules), 1);
    EXPECT_EQ(workers_wanted({150, 100}, rules), 3);
    EXPECT_EQ(workers_wanted({1e6, 100}, rules), 4);
    EXPECT_EQ(workers_wanted({1e6, 2}, rules), 2);
}

class FlowEngine : public ::testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "flow-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        fs::create_directories(folder_ / "in");
        put("in/a.txt", "a");
        put("in/b.txt", "b");
        database_ = sql::SqliteDatabase::open_in_memory().value();
        reopen();
    }
    void TearDown() override {
        engine_.reset();
        std::error_code error;
        fs::remove_all(folder_, error);
    }
    void put(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
    }
    void reopen() {
        engine_.reset();
        engine_ = Engine::open(*database_, {.folder = folder_ / "flow"}, clock_, ids_).value();
        engine_->start();
    }
    flow::Run submit(const std::string& name) {
        auto run = engine_->submit(
            {.name = name, .owner = "me", .definition = two_stages, .location = folder_ / "in"});
        EXPECT_TRUE(run) << run.error().message;
        return *run;
    }
    /// A task, as soon as one is ready.
    std::optional<Assignment> take(bool is_local = true) {
        for (std::uint64_t seen = 0;;) {
            auto work = engine_->lease({.worker = is_local ? "local" : "pilot",
                                        .is_local = is_local,
                                        .left = {8, 8ull << 30},
                                        .whole = {8, 8ull << 30}});
            EXPECT_TRUE(work) << work.error().message;
            if (*work) return **work;
            seen = engine_->wait_for_change(seen, Milliseconds{50});
        }
    }
    Result<void> finish(const Assignment& work, const std::string& text) {
        fs::create_directories(work.work / "output");
        std::ofstream(work.work / "output/out.txt") << text;
        std::ofstream(work.work / "output/outputs.json") << R"({"outputs":{"out":["out.txt"]}})";
        return engine_->finish(work.task, work.lease, {.outcome = Outcome::done});
    }
    TaskState state_of(const Assignment& work) {
        const auto tasks = engine_->tasks(work.run).value();
        for (const Task& task : tasks)
            if (task.id == work.task) return task.state;
        return TaskState::waiting;
    }

    fs::path folder_;
    ManualClock clock_;
    IdSource ids_{1};
    std::unique_ptr<sql::Database> database_;
    std::unique_ptr<Engine> engine_;
};

TEST_F(FlowEngine, ARunGoesThroughItsStagesAndAnotherTakesWhatIsThere) {
    const flow::Run run = submit("one");
    const auto first = take(), second = take();
    EXPECT_EQ(first->item, "a");
    EXPECT_TRUE(finish(*first, "A"));
    EXPECT_TRUE(finish(*second, "B"));
    const auto joined = take();
    EXPECT_EQ(joined->stage, "join");
    EXPECT_EQ(joined->names, R"({"all":["a","b"]})");
    EXPECT_TRUE(finish(*joined, "AB"));
    EXPECT_EQ(engine_->find("one")->state, RunState::succeeded);
    submit("two");
    std::uint64_t seen = 0;
    while (engine_->find("two")->state == RunState::running)
        seen = engine_->wait_for_change(seen, Milliseconds{50});
    EXPECT_EQ(engine_->find("two")->state, RunState::succeeded);
    const auto tasks = engine_->tasks(engine_->find("two")->id).value();
    for (const Task& task : tasks) EXPECT_TRUE(task.cached);
    EXPECT_EQ(engine_
                  ->submit({.name = "one",
                            .owner = "you",
                            .definition = two_stages,
                            .location = folder_ / "in"})
                  .error()
                  .code,
              ErrorCode::already_exists);
}

TEST_F(FlowEngine, WhatADeadProcessHeldIsFreeAndWhatItHandsInLateIsRefused) {
    submit("one");
    const auto held = take();
    reopen();
    EXPECT_EQ(finish(*held, "A").error().code, ErrorCode::not_found);
    const auto again = take(), other = take();
    EXPECT_EQ(again->task, held->task);
    EXPECT_GT(again->lease, held->lease);
    EXPECT_TRUE(finish(*again, "A"));
    EXPECT_EQ(finish(*again, "A").error().code, ErrorCode::not_found);
    EXPECT_TRUE(finish(*other, "B"));
}

TEST_F(FlowEngine, ALeaseThatIsNotKeptEndsAndOneOfAWorkerElsewhereSurvivesARestart) {
    submit("one");
    const auto held = take(false);
    reopen();
    ASSERT_TRUE(engine_->beat(held->task, held->lease, {}));
    clock_.advance(Milliseconds{61'000});
    std::uint64_t seen = 0;
    while (state_of(*held) == TaskState::running)
        seen = engine_->wait_for_change(seen, Milliseconds{50});
    EXPECT_EQ(engine_->beat(held->task, held->lease, {}).error().code, ErrorCode::not_found);
    EXPECT_EQ(engine_->attempts(held->task)->front().end.outcome, Outcome::lost);
}

TEST_F(FlowEngine, AnOutputThatBreaksItsPromiseIsAFailureAndItsReadersAreBlocked) {
    const flow::Run run = submit("one");
    const auto first = take(), second = take();
    fs::create_directories(first->work / "output");
    std::ofstream(first->work / "output/outputs.json") << R"({"outputs":{"out":["../x"]}})";
    EXPECT_TRUE(engine_->finish(first->task, first->lease, {.outcome = Outcome::done}));
    EXPECT_EQ(state_of(*first), TaskState::dead);
    EXPECT_TRUE(finish(*second, "B"));
    EXPECT_EQ(engine_->find("one")->state, RunState::failed);
    const auto detail = run_detail(*engine_, run.id).value();
    EXPECT_EQ(detail["total"]["states"].dump(), R"({"blocked":1,"dead":1,"done":1})");
    EXPECT_NE(report_html(*engine_, "one")->find("outputs.json"), std::string::npos);
}

TEST_F(FlowEngine, AProcessThatIsCalledOffGoesWithAllThatItStarted) {
    const ProcessOrder order{
        .command = {"sh", "-c", "setsid sleep 1000 & echo '{\"done\":1}'; wait"},
        .folder = folder_,
        .environment = {"PATH=/usr/bin:/bin"},
        .mark = folder_.string() + ";",
        .timeout = Milliseconds{60'000},
        .log = folder_ / "log"};
    bool has_begun = false;
    const auto end = run_process(
        order, [&] { return has_begun; }, [&](std::string_view) { has_begun = true; });
    ASSERT_TRUE(end) << end.error().message;
    EXPECT_TRUE(end->cancelled);
    EXPECT_EQ(kill_marked(folder_.string() + ";"), 0);
}

}  // namespace
}  // namespace stroma::flow
