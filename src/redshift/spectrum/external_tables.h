#pragma once

#include "redshift/engine_session.h"

namespace stroma::redshift {

/// CREATE EXTERNAL SCHEMA | TABLE, and ALTER or DROP of what they made; nothing where the statement
/// isn't about an external table.
Answer<std::unique_ptr<Cursor>> run_external(EngineSession& session, const Prepared& prepared);
/// Whether run_external() is whose the statement is.
Answer<bool> is_external(EngineSession& session, const Prepared& prepared);

}  // namespace stroma::redshift
