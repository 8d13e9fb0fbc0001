#pragma once

#include <span>

#include "redshift/engine_session.h"

namespace stroma::redshift {

/// Tells columns of bytes by the type that they were declared as in the tables that the statement
/// names: VARBYTE, GEOMETRY, GEOGRAPHY, HLLSKETCH; the engine has one type for all. Statements that
/// say bytea are PostgreSQL's clients', and stay.
Answer<void> tell_byte_columns(EngineSession& session, Prepared& prepared,
                               std::span<const Token> tokens);

}  // namespace stroma::redshift
