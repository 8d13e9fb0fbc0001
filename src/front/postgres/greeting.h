#pragma once

#include <memory>

#include "front/postgres/hall.h"

// Private to this folder.

namespace stroma::front::postgres {

/// Everything before the first statement: TLS, who it is, its session and its settings. Null when
/// there is nothing more to do: a cancel request, a refusal (which was told), a client that left.
std::unique_ptr<redshift::Session> greet(Hall& hall, Visitor& visitor);

}  // namespace stroma::front::postgres
