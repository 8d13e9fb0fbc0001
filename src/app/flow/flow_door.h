#pragma once

#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "app/flow/flow_service.h"
#include "app/remote.h"
#include "app/session.h"

namespace stroma::app {

/// The pipelines of a data directory as a verb reaches them: here, or at the server that has it.
class FlowDoor {
public:
    using Json = nlohmann::ordered_json;
    static Result<FlowDoor> open(const Invocation& invocation);

    bool is_remote() const { return session_.remote.has_value(); }
    FlowService& service() { return *service_; }  ///< when it isn't remote
    void end_with(const std::stop_token& stop);

    Result<Json> submit(const flow::NewRun& run);
    Result<Json> runs(std::int64_t limit);
    Result<Json> run(const std::string& id);
    Result<Json> tasks(const std::string& run);
    Result<Json> why(const std::string& run, const std::string& stage);
    Result<Json> cancel(const std::string& run);
    Result<Json> retry(const std::string& run);
    Result<void> review(const std::string& run, const std::string& stage, const std::string& item,
                        bool accepted, const std::string& comment);
    Result<Json> pictures(const std::string& run);
    /// Changes by hand of labels; see POST /v1/runs/{run}/pictures/{picture}/edits.
    Result<Json> edits(const std::string& run, const std::string& picture);
    Result<void> edit(const std::string& run, const std::string& picture, const Json& edits);
    Result<Json> standing();
    /// Where outputs lie, of the run or of all: "".
    Result<Json> archive(const std::string& run);
    /// Asks for it; the answer has "going" or "coming". Without a server it is done.
    Result<Json> put_away(const std::string& run, const std::string& stage, const std::string& item,
                          const std::stop_token& stop);
    Result<Json> bring_back(const std::string& run, const std::string& stage,
                            const std::string& item, std::int64_t days,
                            const std::stop_token& stop);
    Result<Json> estimate(const flow::NewRun& run);
    /// What is wrong with outputs, of the run; without a server of all: "".
    Result<std::vector<std::string>> verify(const std::string& run, const std::stop_token& stop);
    Result<Json> pilots();
    Result<Json> intakes();
    Result<Json> arrivals(const std::string& intake, std::int64_t limit);
    /// The body is as POST /v1/pipelines/intakes takes it.
    Result<void> add_intake(Json body);
    Result<void> remove_intake(const std::string& name);
    Result<void> call_off(const std::string& job);
    Result<std::string> report(const std::string& run);
    Result<std::string> log(const std::string& run, const std::string& task);
    /// Copies a file of a task's output.
    Result<void> copy(const std::string& run, const std::string& task, const std::string& key,
                      const std::string& name, const fs::path& to);

private:
    Result<Json> ask(const std::string& path);
    Result<Json> post(const std::string& path, const std::string& body);

    Session session_;
    std::unique_ptr<FlowService> service_;
};

}  // namespace stroma::app
