#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/site.h"
#include "front/aws/call.h"
#include "message/queues.h"
#include "sql/write_group.h"

namespace stroma::app {

/// Queues, and their service on the AWS port.
class MessageServices {
public:
    /// Both must outlive it.
    static Result<std::unique_ptr<MessageServices>> open(Site& site, sql::WriteGroup& writes,
                                                         const std::string& account);
    ~MessageServices();
    /// To be added to the port.
    std::vector<front::aws::Service*> services();
    message::Queues& queues();
    /// Ends what waits and what works by itself. Before the port ends.
    void stop();

private:
    struct State;
    explicit MessageServices(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::app
