#pragma once

#include "app/verb.h"

namespace stroma::app {

Verb key_verb();  ///< access keys: create, list, revoke
Verb env_verb();  ///< how clients are pointed at the port
Verb put_verb();  ///< lines of a file onto a stream
Verb watch_verb();
Verb demo_stream_verb();  ///< below "demo"

}  // namespace stroma::app
