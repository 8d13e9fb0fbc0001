#include "app/answers/answers.h"

namespace stroma::app {
namespace {

class JobAnswers final : public front::api::JobAnswers {
public:
    explicit JobAnswers(Site& site) : jobs_(site.jobs()) {}

    Result<std::vector<pipeline::Job>> jobs(const pipeline::JobFilter& filter) override {
        return jobs_.list(filter);
    }
    Result<std::optional<pipeline::Job>> find_job(std::string_view id) override {
        return jobs_.find(id);
    }
    Result<std::vector<pipeline::JobLogLine>> log_lines(std::string_view id,
                                                        std::int64_t after_ms) override {
        return jobs_.log_lines(id, after_ms);
    }
    Result<pipeline::Job> cancel(std::string_view id) override { return jobs_.cancel(id); }
    Result<pipeline::Job> retry(std::string_view id) override { return jobs_.retry(id); }
    Result<pipeline::Job> wait_for_change(std::string_view id, std::int64_t version,
                                          Milliseconds wait) override {
        return jobs_.wait_for_change(id, version, wait);
    }
    std::uint64_t wait_for_any_change(std::uint64_t seen, Milliseconds wait) override {
        return jobs_.wait_for_any_change(seen, wait);
    }

private:
    pipeline::JobStore& jobs_;
};

}  // namespace

std::unique_ptr<front::api::JobAnswers> job_answers(Site& site) {
    return std::make_unique<JobAnswers>(site);
}

}  // namespace stroma::app
