#pragma once

#include <string>
#include <vector>

#include "redshift/engine_session.h"

namespace stroma::redshift {

/// A SELECT of the dialect that gives what SHOW DATABASES, SCHEMAS, TABLES, COLUMNS, TABLE, VIEW or
/// GRANTS shows, in Redshift's columns; "" where it is a setting that is asked for.
/// errors  42P01, 3F000, 3D000  there is no such thing;  42501;  0A000  what isn't kept here
Answer<std::string> shown_things(EngineSession& session, const std::vector<Token>& tokens);

}  // namespace stroma::redshift
