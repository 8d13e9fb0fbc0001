#pragma once

#include "app/verb.h"

namespace stroma::app {

/// `stroma demo tissue`: made-up slides through the whole pipeline, beside what is known of them.
Verb demo_tissue_verb();

}  // namespace stroma::app
