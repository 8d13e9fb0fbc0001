#pragma once

#include <memory>

#include "app/aws/aws_server.h"
#include "app/site.h"
#include "redshift/engine.h"

namespace stroma::app {

/// The Redshift Data API on the AWS port, over the user database.
class StatementService {
public:
    /// Adds the service to the port, which must not have been started. All that it is given
    /// outlives it.
    static Result<std::unique_ptr<StatementService>> open(Site& site, redshift::Engine& engine,
                                                          AwsServer& aws);
    ~StatementService();
    void start();
    /// What runs is called off. Before the engine is stopped.
    void stop();

private:
    struct State;
    explicit StatementService(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::app
