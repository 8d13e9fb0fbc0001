#include <gtest/gtest.h>

#include "flow/pilot/kubernetes.h"
#include "flow/pilot/slurm.h"

namespace stroma::flow {
namespace {

PilotOrder order() {
    return {.name = "stroma-1",
            .partition = "gpu",
            .size = {4, (1u << 30) + 1},
            .time = Milliseconds{90'000},
            .leave = Milliseconds{120'000},
            .idle = Milliseconds{60'000},
            .lines = {"--account=lab"},
            .program = "/opt/it's/stroma",
            .data = "/srv/lab data",
            .logs = "/srv/logs",
            .url = ""};
}

TEST(Slurm, ScriptAsksForWhatIsMeantAndQuotesPaths) {
    const std::string script = pilot_script(order());
    for (const char* line :
         {"#SBATCH --job-name=stroma-1\n", "#SBATCH --cpus-per-task=4\n", "#SBATCH --mem=1025M\n",
          "#SBATCH --partition=gpu\n", "#SBATCH --time=2\n", "#SBATCH --signal=B:USR1@120\n",
          "#SBATCH --no-requeue\n", "#SBATCH --account=lab\n",
          "exec '/opt/it'\\''s/stroma' pipeline worker --data '/srv/lab data' --name "
          "\"slurm-$SLURM_JOB_ID\" --cores 4 --memory 1073741825 --idle 60\n"})
        EXPECT_NE(script.find(line), std::string::npos) << line << "\n" << script;
    // The mark of who started sbatch must not reach the job: what bears it is killed.
    EXPECT_NE(script.find("#SBATCH --export=PATH,HOME,"), std::string::npos);
    EXPECT_EQ(script.find("ALL,"), script.find("LC_ALL,") + 3);
    PilotOrder far = order();
    far.url = "http://stroma.lab:8080";
    EXPECT_NE(pilot_script(far).find(" --url 'http://stroma.lab:8080'\n"), std::string::npos);
}

TEST(Slurm, ReadsWhatItsCommandsPrint) {
    const auto jobs = jobs_in(
        "7|PENDING|Resources||N/A\n8|RUNNING|None|node1|2026-11-22T11:29:20\n"
        "garbage\n9|TIMEOUT|TimeLimit|node1\n");
    ASSERT_EQ(jobs.size(), 2u);
    EXPECT_EQ(jobs[0].state, "PENDING");
    EXPECT_EQ(jobs[0].started_ms, 0);
    EXPECT_EQ(jobs[1].node, "node1");
    EXPECT_GT(jobs[1].started_ms, 0);
    const SlurmJob job = job_in(
        "JobId=12 JobName=x UserId=root(0) JobState=FAILED Reason=NonZeroExitCode Requeue=0 "
        "DerivedExitCode=1:0 ExitCode=3:9 NodeList=vm BatchHost=vm\n");
    EXPECT_EQ(job.state, "FAILED");
    EXPECT_EQ(job.reason, "NonZeroExitCode");
    EXPECT_EQ(job.exit_code, 3);
    EXPECT_EQ(job.signal, 9);
    EXPECT_EQ(job.node, "vm");
    EXPECT_TRUE(job_in("").state.empty());
}

TEST(Slurm, SizesAndStates) {
    EXPECT_EQ(slurm_bytes("1532K"), 1532u << 10);
    EXPECT_EQ(slurm_bytes("1.5M"), 3u << 19);
    EXPECT_EQ(slurm_bytes("100"), 100u);
    EXPECT_EQ(slurm_bytes(""), 0u);
    EXPECT_EQ(slurm_bytes("x"), 0u);
    EXPECT_TRUE(is_active("PENDING"));
    EXPECT_TRUE(is_active("COMPLETING"));
    for (const char* state : {"COMPLETED", "FAILED", "TIMEOUT", "NODE_FAIL", "CANCELLED"})
        EXPECT_FALSE(is_active(state)) << state;
    EXPECT_EQ(outcome_of("OUT_OF_MEMORY"), Outcome::memory);
    EXPECT_EQ(outcome_of("TIMEOUT"), Outcome::lost);
    EXPECT_EQ(outcome_of("NODE_FAIL"), Outcome::lost);
}

TEST(Kubernetes, RefusesWhatAClusterWouldRefuse) {
    const KubernetesOrder good{.name = "pilots",
                               .space = "lab",
                               .image = "registry.lab/stroma:1",
                               .pilots = 2,
                               .size = {1, 64u << 20},
                               .url = "http://stroma.lab:8080",
                               .claim = "data",
                               .mount = "/srv/lab",
                               .data = "/srv/lab/data",
                               .secret = "token"};
    ASSERT_TRUE(kubernetes_job(good));
    const auto refused = [&](auto change) {
        KubernetesOrder bad = good;
        change(bad);
        const auto made = kubernetes_job(bad);
        return made ? std::string("taken") : made.error().message;
    };
    EXPECT_NE(refused([](auto& o) { o.name = "Pilots"; }).find("--name"), std::string::npos);
    EXPECT_NE(refused([](auto& o) { o.image = "a b"; }).find("--image"), std::string::npos);
    EXPECT_NE(refused([](auto& o) { o.url = "stroma"; }).find("--url"), std::string::npos);
    EXPECT_NE(refused([](auto& o) { o.pilots = 0; }).find("--pilots"), std::string::npos);
    EXPECT_NE(refused([](auto& o) { o.data = "/srv/labs"; }).find("must lie in"),
              std::string::npos);
    EXPECT_NE(refused([](auto& o) { o.secret = "a_b"; }).find("--secret"), std::string::npos);
}

}  // namespace
}  // namespace stroma::flow
