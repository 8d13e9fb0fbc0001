#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "redshift/rewrite.h"
#include "redshift/state.h"
#include "redshift/types.h"

namespace stroma::redshift {

/// A table's name after the session's search path.
struct TableName {
    std::string schema, name;
    bool is_temporary = false;
    std::string sql() const { return quoted_name(schema) + "." + quoted_name(name); }
    std::string key() const { return schema + "." + name; }
};

/// What prepare() found out.
struct Prepared::Plan {
    std::vector<Token> tokens;
    std::string sql;               ///< for the engine; "" where open() makes it
    std::string target;            ///< the table it changes, as key(); "" for none
    TableName table;               ///< the same
    std::size_t behind_table = 0;  ///< the token behind its name
    bool reads = true;             ///< whether what it changes follows from what it read
    std::string check;             ///< behind sql: refuses texts that are too long, and gives rows
    /// INSERT … SELECT that refuses them on the way, so that nothing is given; "" for others.
    std::string checked;
    ColumnNames names;
    std::shared_ptr<const Prepared> query = {};  ///< the one that DECLARE CURSOR is for
    std::vector<SettingChange> setting_changes;  ///< its calls of set_config
    /// What the session knows is written into sql: it is made anew behind other statements.
    bool follows_session = false;
    bool follows_values = false;   ///< its columns are known once the parameters have values
    std::int64_t made_behind = 0;  ///< number of the statement that ran last when it was made
    std::int64_t made_us = 0;
};

/// Whose rights a session's statements have.
struct Actor {
    std::string id;
    bool is_superuser = false;
};

class RowsCursor;

/// The session of an engine: one connection of the database.
class EngineSession final : public Session {
public:
    EngineSession(Engine::State& engine, SessionOptions options,
                  std::unique_ptr<sql::Connection> connection);
    ~EngineSession() override;

    Answer<std::shared_ptr<const Prepared>> prepare(const Statement& statement,
                                                    std::span<const std::uint32_t> hints) override;
    Answer<std::unique_ptr<Cursor>> open(const Prepared& prepared,
                                         std::span<const sql::Value> values) override;
    Answer<std::unique_ptr<CopyIn>> copy_in(const Prepared& prepared) override;
    Answer<std::unique_ptr<CopyOut>> copy_out(const Prepared& prepared) override;
    void open_group() override;
    Answer<void> close_group() override;
    TransactionState state() const override;
    void roll_back() override;
    void cancel() override { cancel(""); }
    std::vector<Notice> take_notices() override;
    std::optional<std::string> setting(std::string_view name) const override;
    PreparedStatements& prepared_statements() override { return statements_; }
    const std::vector<Column>* cursor_columns(std::string_view name) const override;
    Answer<void> set(std::string_view name, std::string_view value) override;
    std::map<std::string, std::string> take_changed_settings() override;
    const SessionOptions& options() const override { return options_; }
    void mark(std::string name) override { mark_ = std::move(name); }
    std::int64_t query_number() const override { return query_; }

    // For the files of this folder that carry out kinds of statements.

    Engine::State& engine() { return engine_; }
    sql::Connection& connection() { return *connection_; }
    void tell(Notice notice) { notices_.push_back(std::move(notice)); }
    /// Writes that become true together: takes the tables' locks, begins what must be begun, and
    /// commits unless a transaction is open. `reads`: what it writes follows from what it read, so
    /// that an older snapshot of a changed table is a conflict.
    Answer<std::int64_t> write(const std::vector<std::string>& tables, bool reads,
                               const std::function<Answer<std::int64_t>()>& work);
    /// Rows of a statement of the engine's language, inside what is open.
    Answer<std::unique_ptr<sql::Rows>> query(std::string_view sql,
                                             std::span<const sql::Value> values = {});
    Answer<std::int64_t> change(std::string_view sql, std::span<const sql::Value> values = {});
    /// The same of a statement that gives a row for each that it changed.
    Answer<std::int64_t> change_and_count(std::string_view sql,
                                          std::span<const sql::Value> values = {});
    /// The first value of the first row as text; nothing where there is no row or it is null.
    Answer<std::optional<std::string>> text_of(std::string_view sql,
                                               std::initializer_list<sql::Value> values = {});
    /// A value of the engine's as clients are given it, by the session's zone.
    sql::Value value_for_client(const sql::Rows& rows, std::size_t at, const Column& column);
    /// SQL of the dialect as the engine's.
    Answer<std::string> rewritten(const Prepared& prepared, std::size_t from, std::size_t to);
    RewriteContext rewrite_context() const;
    /// The table that a name means: tokens[at] and what follows by dots; moves `at` behind.
    Answer<TableName> read_table(std::span<const Token> tokens, std::size_t& at);
    /// The same for one that is there. errors  42P01
    Answer<TableName> find_table(std::span<const Token> tokens, std::size_t& at);
    std::string search_path() const;
    std::uint64_t transaction() const { return transaction_; }
    /// The same; `words` go behind what the client is told.
    void cancel(const std::string& words);
    /// Ends what runs and lets nothing more begin. Any thread.
    void terminate();
    /// In the log of sessions; unique while it is open.
    std::int64_t number() const { return logged_as_; }
    /// Why the statement that runs fails, known better than by the engine's error. Any thread.
    void blame(Failure failure);
    bool is_called_off() const { return called_off_ || terminated_ || engine_.stopping; }
    bool in_block() const { return explicit_; }
    bool is_superuser() const { return options_.is_superuser; }
    /// Whose rights count, and who owns what is made.
    const std::string& user_id() const { return user_id_; }
    /// The statement that runs was found to be allowed to change something; write() refuses others.
    void allow_changes() { is_allowed_ = true; }

    /// Whether statements up to close_group() are one transaction.
    bool in_group() const { return grouped_; }
    /// Who owns a relation, or what counts as one.
    Answer<Actor> owner_of(const std::string& schema, const std::string& name);
    /// Statements from here on are another user's; gives whose they were.
    Answer<Actor> act_as(Actor actor);
    /// They are that user's again, whatever failed between; if need be the session ends.
    void act_again_as(Actor actor);

    std::size_t procedures = 0;  ///< calls that run, one within another
    std::int64_t last_copy_count = 0, last_copy_query = 0, last_unload_count = 0;

private:
    friend class RowsCursor;
    void number_transaction();
    Answer<void> begin_if_needed();
    Answer<void> lock_all(const std::vector<std::string>& tables, bool reads);
    Answer<void> commit();
    void end_transaction(bool changed);
    /// After a statement failed.
    Failure failed(Failure failure);
    Failure conflict_on(const std::string& table);
    Answer<std::unique_ptr<Cursor>> carry_out(const Prepared& prepared,
                                              std::span<const sql::Value> values);
    Answer<std::unique_ptr<Cursor>> select(const Prepared& prepared,
                                           std::span<const sql::Value> values);
    Answer<void> demand_change(const Prepared& prepared);
    Answer<std::unique_ptr<Cursor>> change_and_return(const Prepared& prepared,
                                                      std::span<const sql::Value> values);
    Answer<void> understand(const Statement& statement, std::span<const std::uint32_t> hints,
                            Prepared& prepared, Prepared::Plan& plan);
    RewriteContext context_for(Prepared::Plan& plan, std::span<const std::uint32_t> hints);
    /// Whether the engine found a type that the client didn't tell.
    static bool type_parameters(Prepared& prepared, RewriteContext& context,
                                std::span<const Token> tokens, std::span<const std::string> found,
                                std::span<const std::uint32_t> hints);
    Answer<void> find_target(const Statement& statement, Prepared::Plan& plan);
    /// The columns that an INSERT without a list of them gives values for, as a list in brackets;
    /// "" where it has a list, or gives as many values as there are columns.
    Answer<std::string> implied_columns(const Statement& statement, const Prepared::Plan& plan,
                                        const RewriteContext& context);
    /// Their names and types as PostgreSQL tells them, by how the statement is written.
    static void tell_columns(Prepared& prepared, std::span<const Token> tokens);
    static void name_columns(Prepared& prepared, const ColumnNames& names);
    static void type_columns(Prepared& prepared, const WrittenTypes& types);
    /// The same statement for values that have more digits than it was prepared for; null where
    /// there are none.
    Answer<std::shared_ptr<const Prepared>> with_more_digits(const Prepared& prepared,
                                                             std::span<const sql::Value> values);
    std::vector<std::string> parameter_types_;  ///< by number, instead of the hints' usual ones
    Answer<std::unique_ptr<Cursor>> explain(const Prepared& prepared);
    Answer<std::unique_ptr<Cursor>> control(const Prepared& prepared);
    /// USE database: there is one. errors  3D000
    Answer<std::unique_ptr<Cursor>> use_database(const Prepared& prepared) const;
    Answer<std::unique_ptr<Cursor>> savepoint(StatementKind kind, std::string_view word);
    Answer<std::unique_ptr<Cursor>> settings(const Prepared& prepared);
    Answer<std::unique_ptr<Cursor>> show(const std::string& name);
    Answer<void> change_setting(const std::string& name, std::string_view value, bool is_local);
    /// What a changed setting means to the engine, and to the client.
    Answer<void> apply_setting(const std::string& name);
    /// At the end of a transaction: local settings go, and all that it changed if it failed.
    void settle_settings(bool is_committed);
    /// ISOLATION LEVEL …, READ ONLY, DEFERRABLE: of the transaction, or of those to come.
    Answer<void> set_modes(std::span<const Token> tokens, std::size_t at, bool is_default);
    Answer<void> run_setting_changes(const Prepared& prepared, std::span<const sql::Value> values);
    Answer<std::unique_ptr<Cursor>> named_cursor(const Prepared& prepared,
                                                 std::span<const sql::Value> values);
    /// Prepares the query of DECLARE CURSOR; its parameters are the statement's.
    Answer<void> understand_cursor(const Statement& statement, std::span<const std::uint32_t> hints,
                                   Prepared& prepared, Prepared::Plan& plan);
    Answer<std::unique_ptr<Cursor>> named_statement(const Prepared& prepared);
    Answer<std::unique_ptr<Cursor>> commit_block();
    Answer<void> apply_search_path();
    void settle_live();

    Engine::State& engine_;
    SessionOptions options_;
    std::string user_id_;
    std::int64_t logged_as_ = 0;  ///< in the log of sessions
    std::unique_ptr<sql::Connection> connection_;
    std::atomic<bool> called_off_{false}, terminated_{false};
    std::mutex blame_mutex_;  ///< of the next two
    std::optional<Failure> blamed_;
    std::string cancel_words_;
    std::map<std::string, std::string> settings_, changed_settings_;
    /// What settings were before this transaction changed them; nothing: their usual value.
    std::map<std::string, std::optional<std::string>> before_local_, before_transaction_;
    ZoneClock clock_;  ///< of the session's zone
    std::vector<Notice> notices_;
    RowsCursor* live_ = nullptr;  ///< still reads from the connection
    bool explicit_ = false, failed_ = false, grouped_ = false, begun_ = false, wrote_ = false;
    bool is_allowed_ = false;        ///< to change something, by the statement that runs
    std::uint64_t transaction_ = 0;  ///< holder of locks
    std::uint64_t snapshot_ = 0;
    std::int64_t query_ = 0;
    std::int64_t behind_ = 0;  ///< the number of the statement before it
    std::string mark_;
    struct NamedCursor {
        std::unique_ptr<Cursor> cursor;
    };
    std::map<std::string, NamedCursor> cursors_;
    /// pg_cursors of this session, as a subquery.
    std::string cursors_as_relation() const;
    std::string statements_as_relation() const;
    /// All settings by a name that is worked out: SQL with @ for the name.
    std::string settings_as_expression() const;
    /// pg_settings of this session, as a subquery.
    std::string settings_as_relation() const;
    PreparedStatements statements_;
};

/// Stands before what the engine is asked to explain.
constexpr std::string_view explain_prefix = "EXPLAIN ";
/// Whether it may run in a transaction that failed.
constexpr bool ends_transaction(StatementKind kind) {
    return kind == StatementKind::commit || kind == StatementKind::rollback;
}

/// What a statement that gives no rows answers.
std::unique_ptr<Cursor> done(StatementKind kind, std::int64_t rows = 0, std::string tag = {});
/// An answer of texts made here.
std::unique_ptr<Cursor> text_rows(std::vector<std::string> names,
                                  std::vector<std::vector<std::string>> rows);

// Kinds of statements, each in a file of its own.
Answer<std::unique_ptr<Cursor>> run_table_statement(EngineSession& session,
                                                    const Prepared& prepared);
Answer<std::unique_ptr<Cursor>> run_copy(EngineSession& session, const Prepared& prepared);
Answer<std::unique_ptr<Cursor>> run_unload(EngineSession& session, const Prepared& prepared);
Answer<std::unique_ptr<Cursor>> run_maintenance(EngineSession& session, const Prepared& prepared);
Answer<std::unique_ptr<Cursor>> run_cancel(EngineSession& session, const Prepared& prepared);
Answer<std::unique_ptr<Cursor>> run_comment(EngineSession& session, const Prepared& prepared);
Answer<std::unique_ptr<Cursor>> run_merge(EngineSession& session, const Prepared& prepared,
                                          std::span<const sql::Value> values);

}  // namespace stroma::redshift
