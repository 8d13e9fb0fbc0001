#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "redshift/engine_session.h"

// Rights as PostgreSQL and Redshift have them. Superusers (who administers the site) may
// everything; temporary tables are their session's. Names are told apart without regard to case.

namespace stroma::redshift {

/// What a right is on.
struct Thing {
    std::string kind;          ///< "database", "schema" or "relation"
    std::string schema, name;  ///< in lower case; "" where it has none
};
Thing database_thing();
Thing schema_thing(std::string_view schema);
Thing relation_thing(const TableName& table);

/// Whether the session's user has the right ("SELECT"; "SELECT*" to give it on; "OWNER"). The one
/// place of decision: stroma_system.stroma_may.
Answer<bool> may(EngineSession& session, const Thing& thing, std::string_view right);
/// The columns of a relation that a user has the right on, be it by a right on all of it.
Answer<std::vector<std::string>> columns_of_right(EngineSession& session, std::string_view who,
                                                  const Thing& thing, std::string_view right);
/// errors  42501  with PostgreSQL's words
Answer<void> demand(EngineSession& session, const Thing& thing, std::string_view right);
/// Every one of these on a relation, and USAGE of its schema. errors 42501
Answer<void> demand_on(EngineSession& session, const TableName& table,
                       std::initializer_list<std::string_view> rights);
/// One of these at least. errors 42501
Answer<void> demand_one_on(EngineSession& session, const TableName& table,
                           std::initializer_list<std::string_view> rights);
/// To make a relation of that name. errors 42501
Answer<void> demand_new(EngineSession& session, const TableName& table);
/// That everything that one SELECT of the engine's language names may be read; of a view, also that
/// its owner may read what it names. errors 42501; 0A000 what it reads can't be told
Answer<void> demand_reads(EngineSession& session, std::string_view query);
/// The same for a SELECT that is run: where the session's user may read only some columns of what
/// it names, the statement to run in its place, in which there are no others; "" where it may all.
/// errors  42501  also where it asks for another column
Answer<std::string> readable(EngineSession& session, std::string_view query);
/// What an UPDATE sets: all of the relation, or the columns by name. errors 42501
Answer<void> demand_update(EngineSession& session, const TableName& table,
                           std::string_view statement);
/// The same of what an INSERT, UPDATE or DELETE reads beside its target.
Answer<void> demand_reads_of_change(EngineSession& session, StatementKind kind,
                                    std::string_view statement);

// In the transaction of the change:

/// It was made by the session's user: who owns it, and what default privileges give.
Answer<void> note_made(EngineSession& session, const Thing& thing);
/// It is gone, with all rights on it; of a schema, also those on what was in it.
Answer<void> note_gone(EngineSession& session, const Thing& thing);
Answer<void> note_renamed(EngineSession& session, const TableName& from, std::string_view to);
/// A column has another name; or is gone, where `to` is "".
Answer<void> note_column(EngineSession& session, const TableName& table, std::string_view from,
                         std::string_view to);
/// ALTER … OWNER TO. errors  42501 but for superusers: what a view reads is its owner's to read
Answer<void> change_owner(EngineSession& session, const Thing& thing, std::string_view user);

/// GRANT and REVOKE, also of roles.
Answer<std::unique_ptr<Cursor>> run_grant(EngineSession& session, const Prepared& prepared);
/// ALTER DEFAULT PRIVILEGES.
Answer<std::unique_ptr<Cursor>> run_default_privileges(EngineSession& session,
                                                       const Prepared& prepared);
/// CREATE, ALTER and DROP of GROUP, ROLE and USER. The first two are kept here; users are the
/// site's to make. errors 0A000
Answer<std::unique_ptr<Cursor>> run_identity(EngineSession& session, const Prepared& prepared);
/// Whether it is one of those.
bool is_identity_statement(const std::vector<Token>& tokens);

/// "user ID" of a user by name, as rights name grantees. errors 42704
Answer<std::string> user_grantee(EngineSession& session, std::string_view name);

}  // namespace stroma::redshift
