#pragma once

#include "app/verb.h"

namespace stroma::app {

Verb sync_verb();  ///< folders kept in buckets: add, list, show, run, check, pause, plan, …

}  // namespace stroma::app
