#pragma once

#include <stop_token>

namespace stroma::app {

/// From now on SIGINT and SIGTERM ask the token to stop; a second SIGINT ends the process at once
/// with 130. Call once, before other threads start. The token lives as long as the process.
/// Children inherit the blocked signals and must unblock them before they exec.
std::stop_token catch_interrupts();

}  // namespace stroma::app
