#pragma once

#include <memory>

#include "app/aws/aws_server.h"
#include "app/site.h"
#include "redshift/engine.h"

namespace stroma::app {

/// What works on the user database beside its clients: the Redshift Data API on the AWS port, and
/// the COPY JOBs that follow its buckets.
class StatementService {
public:
    /// Adds the service to the port, which must not have been started. All that it is given
    /// outlives it.
    static Result<std::unique_ptr<StatementService>> open(Site& site, redshift::Engine& engine,
                                                          AwsServer& aws);
    ~StatementService();
    void start();
    /// The Data API's statements that run are called off, and no COPY JOB begins. Before the engine
    /// is stopped, which ends the one that runs.
    void stop();

private:
    struct State;
    explicit StatementService(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::app
