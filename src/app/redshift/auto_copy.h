#pragma once

#include <memory>
#include <string>

#include "app/site.h"
#include "redshift/engine.h"

namespace stroma::app {

/// Runs the COPY JOBs: each at the start, when it was made, and when an object comes under its
/// prefix. What they load is theirs to know, so that any of these may come too often.
class AutoCopy {
public:
    /// Site and engine outlive it.
    AutoCopy(Site& site, redshift::Engine& engine);
    ~AutoCopy();
    void start();
    /// Before the engine is stopped, or after: what runs is called off by the engine.
    void ask_to_stop();
    void stop();
    /// An object came, or changed. Any thread; returns at once.
    void note(const std::string& bucket, const std::string& key);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace stroma::app
