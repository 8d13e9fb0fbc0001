#pragma once

#include <set>
#include <span>

#include "redshift/engine_session.h"
#include "redshift/rights.h"
#include "redshift/table_grammar.h"

namespace stroma::redshift {

class TokenReader;

/// A table's attributes as they are kept. errors  42P01
Answer<TableAttributes> attributes_of(EngineSession& session, const TableName& table);
Answer<void> keep_attributes(EngineSession& session, const TableName& table,
                             const TableAttributes& attributes);

/// Keeps a view's definition as it was written, which the engine's own is not; the view's comment
/// stays.
Answer<void> keep_definition(EngineSession& session, const TableName& view,
                             const std::string& definition);

/// Keeps whether a view is a materialized one, and is refreshed by itself.
Answer<void> note_materialized(EngineSession& session, const TableName& view, bool is_one,
                               bool auto_refresh);

/// Refuses relations that statements may only read: the catalog's, and those of somebody else.
/// errors  42501
Answer<void> check_ours(EngineSession& session, const TableName& table);

Answer<bool> is_view_there(EngineSession& session, const TableName& view);
/// A table or a view of that name, in any case.
Answer<bool> is_relation_there(EngineSession& session, const TableName& table);

struct TableColumn {
    std::string name, engine_type;
    std::string default_value;  ///< SQL; "" for none
    bool is_nullable = true;
};
/// In their order. errors  42P01
Answer<std::vector<TableColumn>> columns_of(EngineSession& session, const TableName& table);
/// Puts keys beside those that the table has, with names, once what they name is there: columns, a
/// referred table with a key of these columns. `tokens`: of the statement that declares them.
/// errors  42703, 42P01, 42704, 42710, 42830, 42P16; 42501  REFERENCES isn't granted
Answer<void> add_keys(EngineSession& session, const TableName& table,
                      const std::vector<Token>& tokens, TableAttributes& attributes,
                      std::vector<TableKey> keys);
/// errors  42704; 2BP01  another table refers to it, and `cascade` isn't said
Answer<void> drop_key(EngineSession& session, const TableName& table, TableAttributes& attributes,
                      const std::string& name, bool cascade);
/// Takes away the keys that a column is part of, before it goes. errors  2BP01
Answer<void> keys_without_column(EngineSession& session, const TableName& table,
                                 TableAttributes& attributes, const std::string& column,
                                 bool cascade);
/// What keys here and elsewhere call the table, or its column, when that gets another name.
Answer<void> keys_after_rename(EngineSession& session, const TableName& table,
                               TableAttributes& attributes, const std::string& to);
Answer<void> keys_after_rename(EngineSession& session, const TableName& table,
                               TableAttributes& attributes, const std::string& column,
                               const std::string& to);
/// Takes away the foreign keys that refer to a table, before it goes. `dropped`: what the statement
/// drops in all. errors  2BP01  one would be left, and `cascade` isn't said
Answer<void> drop_references(EngineSession& session, const TableName& table,
                             std::span<const TableName> dropped, bool cascade);

/// The same of a table that is known to be there, without looking through all views' columns.
Answer<std::vector<TableColumn>> columns_of_known(EngineSession& session, const TableName& table);
/// The ORDER BY that a sort key means, without the words; "" for none.
std::string sort_order(const TableAttributes& attributes, const std::vector<TableColumn>& columns,
                       const std::string& relation);

/// ALTER TABLE target APPEND FROM source: the tokens from `at`. The source's rows become the
/// target's in one transaction. errors  42703, 42804  their columns differ
Answer<std::unique_ptr<Cursor>> run_append(EngineSession& session, const TableName& target,
                                           const std::vector<Token>& tokens, std::size_t at);

/// CREATE [OR REPLACE] FUNCTION … LANGUAGE sql: its body is one expression that reads nothing.
/// errors  42723  a function of that name is there;  0A000  another language, or a body that reads
Answer<std::unique_ptr<Cursor>> create_function(EngineSession& session, const Prepared& prepared);
/// errors  42883
Answer<std::unique_ptr<Cursor>> drop_function(EngineSession& session, const Prepared& prepared);

// Views that are bound late. The engine binds a view when it is made, and only then tells that a
// relation is missing. A late one of a relation that isn't there is therefore made over a text that
// is read as a query when the view is: but for the moment of making it, when another text stands
// for it.

/// CREATE VIEW of a query, in the engine's language, that needn't mean anything yet.
/// `names`: its columns, in quotes and with commas; "" for the query's own. `count`: of them.
/// errors  42601  it is no query
Answer<void> create_unbound_view(EngineSession& session, const TableName& view, bool replaces,
                                 const std::string& names, std::size_t count,
                                 const std::string& query);
/// The query of a view made by that, from what the engine keeps behind AS; nothing for others.
/// errors  42601  it can't be read
Answer<std::optional<std::string>> unbound_query(std::string_view body);
/// Where a statement asks for columns of late views: binds all of them anew, so that their columns
/// are those of now; of those that can't be bound none are told. Gives whether it asks.
Answer<bool> bind_late_views(EngineSession& session, std::span<const Token> tokens);

/// ALTER MATERIALIZED VIEW name AUTO REFRESH {YES | NO}: from VIEW on.
Answer<std::unique_ptr<Cursor>> alter_materialized_view(EngineSession& session, TokenReader& in,
                                                        const std::vector<Token>& tokens);
/// RENAME TO name: how tools put a new view in the place of an old one.
Answer<std::unique_ptr<Cursor>> rename_view(EngineSession& session, const TableName& view,
                                            TokenReader& in);

/// CREATE [OR REPLACE] PROCEDURE … LANGUAGE plpgsql: its body is read, and kept as it is written.
/// errors  42723;  42601, 0A000  what is wrong or isn't there, with the line of the body
Answer<std::unique_ptr<Cursor>> create_procedure(EngineSession& session, const Prepared& prepared);
/// errors  42883, 42725
Answer<std::unique_ptr<Cursor>> drop_procedure(EngineSession& session, const Prepared& prepared);
/// Of a CALL: its parameters, and the columns that its OUT and INOUT arguments are. errors  42883
Answer<void> understand_call(EngineSession& session, const Statement& statement,
                             std::span<const std::uint32_t> hints, Prepared& prepared,
                             const std::vector<Token>& tokens);
/// errors  42883, 42501, 54001, and whatever the body's statements fail with
Answer<std::unique_ptr<Cursor>> run_call(EngineSession& session, const Prepared& prepared,
                                         std::span<const sql::Value> values);
/// Of the procedure that is named at tokens[at]: the statement that made it, or what rights on it
/// are on. Moves `at` behind its name. errors  42883, 42725
Answer<std::string> procedure_definition(EngineSession& session, const std::vector<Token>& tokens,
                                         std::size_t& at);
Answer<Thing> procedure_thing(EngineSession& session, const std::vector<Token>& tokens,
                              std::size_t& at);

/// What rights on the function of a user's own that is named at tokens[at] are on. Moves `at`
/// behind its name and arguments. errors  42883
Answer<Thing> function_thing(EngineSession& session, const std::vector<Token>& tokens,
                             std::size_t& at);

/// REFRESH MATERIALIZED VIEW: there is nothing to do, for such a view is worked out when it is
/// read. errors  42P01  there is no such view
Answer<std::unique_ptr<Cursor>> run_refresh(EngineSession& session, const Prepared& prepared);

/// No value for a column that numbers itself, in an INSERT with a list of columns or with VALUES,
/// nor in an UPDATE, which assigns those columns (in lower case). errors  428C9
Answer<void> check_identities(EngineSession& session, const TableAttributes& attributes,
                              const std::vector<Token>& tokens, const TableName& table,
                              const std::set<std::string>& assigned);

/// What is put behind an INSERT, UPDATE or MERGE so that it fails (22001) where a text is longer,
/// in bytes, than its column may be; blanks at its end don't count. It then gives a row for each
/// row that it changed. "" where no column that it sets has a length.
Answer<std::string> length_check(EngineSession& session, const Statement& statement,
                                 const std::vector<Token>& tokens, const TableName& table);

/// An INSERT of what a query gives with the same check as a condition on the query's rows, which
/// the engine, unlike rows that are given back, needn't keep and may insert by several threads.
/// "" where the statement isn't of that form, or the rows' order was asked for.
Answer<std::string> checked_select(EngineSession& session, const Prepared& prepared,
                                   const Prepared::Plan& plan);

}  // namespace stroma::redshift
