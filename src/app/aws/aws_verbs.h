#pragma once

#include "app/verb.h"

namespace stroma::app {

Verb key_verb();  ///< access keys: create, list, revoke
Verb env_verb();  ///< how clients are pointed at the port

}  // namespace stroma::app
