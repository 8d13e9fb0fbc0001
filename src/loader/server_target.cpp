#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/context.h"
#include "loader/stream_rows.h"
#include "loader/target.h"
#include "redshift/load/loading.h"

namespace stroma::loader {
namespace {

using redshift::Answer;
using redshift::quoted_name;
using redshift::quoted_text;

constexpr const char* staging_name = "stroma_staged";
constexpr const char* group_name = "stroma_staged_part";
constexpr std::size_t rows_of_one_insert = 500;

/// "orders", "public.orders", "dev.public.orders" → its parts, as the dialect reads names.
Answer<std::vector<std::string>> parts_of(const std::string& table) {
    const auto tokens = TRY(redshift::tokens_of(table));
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < tokens.size(); at += 2) {
        const auto kind = tokens[at].kind;
        const bool is_name =
            kind == redshift::TokenKind::word || kind == redshift::TokenKind::quoted;
        if (!is_name || at + 1 >= tokens.size()) break;
        parts.push_back(tokens[at].word);
        if (tokens[at + 1].kind == redshift::TokenKind::end) {
            if (parts.size() == 3) parts.erase(parts.begin());  // the database
            if (parts.size() <= 2) return parts;
        }
        if (tokens[at + 1].word != ".") break;
    }
    return redshift::refuse("42601", fmt::format("'{}' is no table's name", table));
}

class ServerTarget final : public TargetSession {
public:
    ServerTarget(sql::Database& database, const Dialect& dialect,
                 std::unique_ptr<redshift::Session> reader)
        : database_(database),
          dialect_(dialect),
          owned_(std::move(reader)),
          reader_(static_cast<redshift::EngineSession&>(*owned_)) {}

    const Dialect& dialect() const override { return dialect_; }
    Answer<void> begin(const std::string& name) override;
    Answer<void> lock(const redshift::TableName& table) override {
        TRY(change(fmt::format(fmt::runtime(dialect_.lock), table.sql()), {}));
        return {};
    }
    Answer<void> commit() override {
        const auto done = connection_->commit();
        if (done) return {};
        return fail(lost(done.error()));
    }
    void roll_back() override {
        reader_.roll_back();
        if (connection_ != nullptr) connection_->rollback();
    }
    void cancel() override {
        reader_.cancel();
        const std::lock_guard lock(mutex_);
        if (connection_ != nullptr) connection_->interrupt();
    }
    Answer<Target> find(const std::string& table, const MergeOptions& merge) override;
    Answer<void> make_staging(const Target& target) override {
        TRY(change("DROP TABLE IF EXISTS " + target.staging, {}));
        return make_rows_table(staging_name, target, {});
    }
    Answer<void> copy(const Target& target, StagingCopy& copy) override;
    Answer<void> add_column(const Target& target, const std::string& name,
                            const std::string& type) override {
        TRY(change(fmt::format("ALTER TABLE {} ADD COLUMN {} {}", target.table.sql(),
                               quoted_name(name), column_type(dialect_, type)),
                   {}));
        return {};
    }
    Answer<void> note_absent(const Target& target, const std::string& is_absent,
                             const std::string& name_of, const std::string& now,
                             const std::vector<StagedFile>& files) override;
    Answer<void> put_rows(const std::string& table,
                          const std::vector<std::vector<sql::Value>>& rows) override;
    Answer<std::int64_t> change(std::string_view sql, std::span<const sql::Value> values) override {
        return TRY(query(sql, values))->rows_changed();
    }
    Answer<std::unique_ptr<sql::Rows>> query(std::string_view sql,
                                             std::span<const sql::Value> values) override {
        TRY(connect());
        auto rows = connection_->execute(sql, values);
        if (rows) return std::move(*rows);
        return fail(lost(rows.error()));
    }
    redshift::EngineSession& reader() override { return reader_; }

private:
    Result<void> connect();
    redshift::Failure lost(const Error& error);
    Answer<void> make_rows_table(const std::string& name, const Target& target,
                                 const std::vector<std::string>& listed);
    Answer<void> stream(const Target& target, StagingCopy& copy);
    Answer<void> copy_files(const StreamOrder& order, const std::string& into, StagingCopy& copy,
                            std::vector<redshift::LoadError>& errors);
    Result<void> keep_errors(const Target& target, const std::vector<redshift::LoadError>& errors);

    sql::Database& database_;
    const Dialect& dialect_;
    std::unique_ptr<redshift::Session> owned_;
    redshift::EngineSession& reader_;
    std::mutex mutex_;  ///< of connection_, for cancel()
    std::unique_ptr<sql::Connection> connection_;
};

Result<void> ServerTarget::connect() {
    if (connection_ != nullptr) return {};
    auto made = TRY(database_.connect());
    const std::lock_guard lock(mutex_);
    connection_ = std::move(made);
    return {};
}

/// A connection that broke isn't used again.
redshift::Failure ServerTarget::lost(const Error& error) {
    if (error.code == ErrorCode::unavailable) {
        const std::lock_guard lock(mutex_);
        connection_.reset();
    }
    return redshift::Failure(error);
}

Answer<void> ServerTarget::begin(const std::string& name) {
    TRY(connect());
    if (auto begun = connection_->begin(sql::TransactionKind::write); !begun)
        return fail(lost(begun.error()));
    // Longer names are cut by the server, with a notice each time.
    TRY(change(fmt::format(fmt::runtime(dialect_.name_statement), quoted_text(name.substr(0, 63))),
               {}));
    return {};
}

Answer<Target> ServerTarget::find(const std::string& table, const MergeOptions& merge) {
    auto parts = TRY(parts_of(table));
    if (parts.size() == 1 && dialect_.find_table.empty()) parts.insert(parts.begin(), "public");
    Target target;
    const auto refused = [&](const char* state, const char* what) {
        return redshift::refuse(state, fmt::format("{}: {}", table, what));
    };
    if (!dialect_.find_table.empty()) {
        std::string written;
        for (const std::string& part : parts)
            written += (written.empty() ? "" : ".") + quoted_name(part);
        const auto found =
            TRY(query(dialect_.find_table, std::vector<sql::Value>{std::move(written)}));
        if (!TRY(found->next()))
            return redshift::refuse("42P01", fmt::format("relation \"{}\" does not exist", table));
        parts = {found->text(0), found->text(1)};
        const std::string kind = found->text(2);
        if (kind != "r" && kind != "p") return refused("42501", "is no table");
    }
    if (parts[0] == "stroma_system" || parts[0].starts_with("pg_"))
        return refused("42501", "is no table of users'");
    target.table = {parts[0], parts[1], false};
    const auto rows =
        TRY(query(dialect_.find_columns, std::vector<sql::Value>{parts[0], parts[1]}));
    while (TRY(rows->next())) {
        TargetColumn column;
        column.name = rows->text(0);
        column.sql_type = rows->text(1);
        column.engine_type = engine_type_of_server(column.sql_type);
        column.default_value = rows->text(2);
        column.is_nullable = !rows->boolean(3);
        const bool numbers_itself =
            rows->boolean(4) || column.default_value.find("nextval(") != std::string::npos;
        if (numbers_itself) continue;
        // With its length.
        if (column.sql_type.find('(') != std::string::npos)
            target.attributes.columns[column.name].type = column.sql_type;
        target.columns.push_back(std::move(column));
    }
    if (target.columns.empty())
        return redshift::refuse("42P01", fmt::format("relation \"{}\" does not exist", table));
    target.staging = staging_name;
    TRY(check_columns(target, merge));
    return target;
}

/// With the file and the row of each row behind the columns where rows are streamed.
Answer<void> ServerTarget::make_rows_table(const std::string& name, const Target& target,
                                           const std::vector<std::string>& listed) {
    std::string columns;
    for (const auto& column : target.columns) {
        if (!listed.empty() && std::find(listed.begin(), listed.end(), column.name) == listed.end())
            continue;
        columns += (columns.empty() ? "" : ", ") + quoted_name(column.name) + " " + column.sql_type;
        if (!column.default_value.empty()) columns += " DEFAULT " + column.default_value;
        if (!column.is_nullable) columns += " NOT NULL";
    }
    if (!dialect_.copies_objects) columns += ", stroma_file bigint, stroma_row bigint";
    TRY(change(fmt::format("CREATE TEMP TABLE {} ({})", name, columns), {}));
    return {};
}

Answer<void> ServerTarget::copy(const Target& target, StagingCopy& copy) {
    if (!dialect_.copies_objects) return stream(target, copy);
    TRY(change(copy.statement, {}));
    const auto counts =
        TRY(query("SELECT filename, lines_scanned FROM stl_load_commits WHERE "
                  "query = pg_last_copy_id()",
                  {}));
    while (TRY(counts->next())) {
        // The cluster pads names with blanks, and one object's name may begin with another's.
        std::string name = counts->text(0);
        name.erase(name.find_last_not_of(' ') + 1);
        for (StagedFile* file : copy.files)
            if (name == file->url()) file->rows = counts->integer(1);
    }
    return {};
}

Answer<void> ServerTarget::stream(const Target& target, StagingCopy& copy) {
    const auto tokens = TRY(redshift::tokens_of(copy.statement));
    const auto statement = TRY(redshift::read_copy(tokens));
    StreamOrder order;
    order.options = statement.options;
    order.json_paths = TRY(redshift::json_paths_of(reader_, statement.options));
    std::vector<std::string> listed = statement.columns;
    const bool is_part = !listed.empty();
    if (!is_part)
        for (const auto& column : target.columns) listed.push_back(column.name);
    for (const std::string& name : listed) {
        const auto* column = target.column(name);
        if (column == nullptr)
            return redshift::refuse(
                "42703", fmt::format("table {} has no column \"{}\"", target.table.key(), name));
        order.columns.push_back(redshift::load_column(*column, target.attributes));
        order.engine_types.push_back(column->engine_type);
    }
    std::string into = staging_name;
    std::string list;
    if (is_part) {
        into = group_name;
        TRY(change(fmt::format("DROP TABLE IF EXISTS {}", into), {}));
        // In the order of the list, as rows come.
        Target part = target;
        part.columns.clear();
        for (const std::string& name : listed) {
            part.columns.push_back(*target.column(name));
            list += quoted_name(part.columns.back().name) + ", ";
        }
        TRY(make_rows_table(into, part, {}));
    }
    std::vector<redshift::LoadError> errors;
    const auto copied = copy_files(order, into, copy, errors);
    if (const auto kept = keep_errors(target, errors); !kept && copied)
        return fail(lost(kept.error()));
    if (!copied) return copied;
    if (is_part) {
        TRY(change(
            fmt::format("INSERT INTO {0} ({1}stroma_file, stroma_row) SELECT {1}stroma_file, "
                        "stroma_row FROM {2}",
                        staging_name, list, into),
            {}));
        TRY(change(fmt::format("DROP TABLE {}", into), {}));
    }
    if (dialect_.plans_by_counts) TRY(change(fmt::format("ANALYZE {}", staging_name), {}));
    return {};
}

Answer<void> ServerTarget::copy_files(const StreamOrder& order, const std::string& into,
                                      StagingCopy& copy, std::vector<redshift::LoadError>& errors) {
    auto opened = connection_->append_to(into);
    if (!opened) return fail(lost(opened.error()));
    const auto appender = std::move(*opened);
    for (StagedFile* file : copy.files)
        TRY(stream_file(reader_, order, *file, *appender, copy, errors));
    if (auto finished = appender->finish(); !finished) return fail(lost(finished.error()));
    return {};
}

// By a connection of its own: the load that they end is undone.
Result<void> ServerTarget::keep_errors(const Target& target,
                                       const std::vector<redshift::LoadError>& errors) {
    if (errors.empty()) return {};
    const auto connection = TRY(database_.connect());
    const std::string now = iso_time(reader_.engine().options.clock->unix_ms()).substr(0, 23);
    return connection->in_transaction([&]() -> Result<void> {
        for (const redshift::LoadError& error : errors)
            TRY(connection->change(
                "INSERT INTO stroma_system.load_errors (tbl, starttime, filename, line_number, "
                "colname, type, col_length, position, raw_line, raw_field_value, err_code, "
                "err_reason) VALUES (?, CAST(? AS TIMESTAMP), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                {target.table.key(), now, error.file, static_cast<std::int64_t>(error.line),
                 error.column, error.type, error.length, std::int64_t{error.position},
                 error.raw_line, error.raw_value, std::int64_t{error.code}, error.reason}));
        return {};
    });
}

Answer<void> ServerTarget::note_absent(const Target& target, const std::string& is_absent,
                                       const std::string& name_of, const std::string& now,
                                       const std::vector<StagedFile>& files) {
    std::string known;
    for (const StagedFile& file : files)
        known += fmt::format("{}({}, {})", known.empty() ? "" : ", ", file.number,
                             quoted_text(file.url()));
    TRY(change(
        fmt::format("INSERT INTO stroma_system.load_errors (tbl, starttime, filename, line_number, "
                    "colname, type, raw_line, err_code, err_reason) SELECT {}, CAST({} AS "
                    "TIMESTAMP), stroma_f.stroma_url, stroma_s.stroma_row, {}, 'key', "
                    "left(row_to_json(stroma_s)::text, 1024), 1213, 'Missing data for the key of a "
                    "merge' FROM {} AS stroma_s LEFT JOIN (VALUES {}) AS stroma_f(stroma_number, "
                    "stroma_url) ON stroma_f.stroma_number = stroma_s.stroma_file WHERE {}",
                    quoted_text(target.table.key()), quoted_text(now), name_of, target.staging,
                    known, is_absent),
        {}));
    return {};
}

Answer<void> ServerTarget::put_rows(const std::string& table,
                                    const std::vector<std::vector<sql::Value>>& rows) {
    for (std::size_t from = 0; from < rows.size(); from += rows_of_one_insert) {
        std::string marks;
        std::vector<sql::Value> values;
        for (std::size_t at = from; at < std::min(rows.size(), from + rows_of_one_insert); ++at) {
            marks += marks.empty() ? "(" : ", (";
            for (std::size_t column = 0; column < rows[at].size(); ++column) {
                marks += column == 0 ? "?" : ", ?";
                values.push_back(rows[at][column]);
            }
            marks += ")";
        }
        TRY(change(fmt::format("INSERT INTO {} VALUES {}", table, marks), values));
    }
    return {};
}

}  // namespace

std::unique_ptr<TargetSession> server_target(sql::Database& database, const Dialect& dialect,
                                             std::unique_ptr<redshift::Session> reader) {
    return std::make_unique<ServerTarget>(database, dialect, std::move(reader));
}

}  // namespace stroma::loader
