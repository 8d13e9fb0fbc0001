#pragma once

#include <string>

#include "app/remote.h"
#include "app/verb.h"

namespace stroma::app {

Verb dashboard_verb();  ///< list, show, import, export, remove

/// Has the server keep the definition (JSON) as a dashboard of the local administrator's: in the
/// place of one of theirs with its title, else as a new one. Gives its id.
Result<std::string> keep_dashboard(Remote& server, const std::string& definition);

}  // namespace stroma::app
