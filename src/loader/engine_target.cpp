#include <fmt/format.h>

#include <map>
#include <optional>

#include "loader/target.h"

namespace stroma::loader {
namespace {

using redshift::Answer;
using redshift::EngineSession;
using redshift::quoted_name;
using redshift::quoted_text;

bool numbers_itself(const redshift::TableColumn& column) {
    return column.default_value.find("nextval('") != std::string::npos;
}

redshift::Statement statement_of(std::string text, redshift::StatementKind kind) {
    return {std::move(text), kind, 0};
}

class EngineTarget final : public TargetSession {
public:
    explicit EngineTarget(std::unique_ptr<redshift::Session> session)
        : owned_(std::move(session)), session_(static_cast<EngineSession&>(*owned_)) {}

    const Dialect& dialect() const override { return engine_dialect(); }
    Answer<void> begin(const std::string& name) override {
        locked_.clear();
        TRY(session_.set("query_group", name));
        TRY(session_.run(statement_of("BEGIN", redshift::StatementKind::begin)));
        return {};
    }
    Answer<void> lock(const redshift::TableName& table) override {
        TRY(session_.write({table.key()}, true, []() -> Answer<std::int64_t> { return 0; }));
        locked_ = table.key();
        return {};
    }
    Answer<void> commit() override {
        const auto transaction = session_.transaction();
        TRY(session_.run(statement_of("COMMIT", redshift::StatementKind::commit)));
        if (const auto change = last_change(locked_); found_ && change.by == transaction)
            found_->seen = change.at;
        locked_.clear();
        return {};
    }
    void roll_back() override {
        session_.roll_back();
        if (!locked_.empty()) found_.reset();  // a transaction that may have changed it
        locked_.clear();
    }
    void cancel() override { session_.cancel(); }
    Answer<Target> find(const std::string& table, const MergeOptions& merge) override;
    Answer<void> make_staging(const Target& target) override;
    Answer<void> copy(const Target& target, StagingCopy& copy) override;
    Answer<void> add_column(const Target& target, const std::string& name,
                            const std::string& type) override {
        found_.reset();
        TRY(session_.run(
            statement_of(fmt::format("ALTER TABLE {} ADD COLUMN {} {}", target.table.sql(),
                                     quoted_name(name), column_type(dialect(), type)),
                         redshift::StatementKind::alter)));
        return {};
    }
    Answer<void> note_absent(const Target& target, const std::string& is_absent,
                             const std::string& name_of, const std::string& now,
                             const std::vector<StagedFile>& files) override;
    Answer<void> put_rows(const std::string& table,
                          const std::vector<std::vector<sql::Value>>& rows) override {
        const auto appender = TRY(session_.connection().append_to(table));
        for (const auto& row : rows) TRY(appender->append(row));
        TRY(appender->finish());
        return {};
    }
    Answer<std::int64_t> change(std::string_view sql, std::span<const sql::Value> values) override {
        return session_.change(sql, values);
    }
    Answer<std::unique_ptr<sql::Rows>> query(std::string_view sql,
                                             std::span<const sql::Value> values) override {
        return session_.query(sql, values);
    }
    EngineSession& reader() override { return session_; }

private:
    Answer<Target> look_up(const std::string& table);
    redshift::TableLocks::Change last_change(const std::string& key) {
        return session_.engine().locks.last_change(key);
    }

    std::unique_ptr<redshift::Session> owned_;
    EngineSession& session_;  ///< the engine makes no other kind of session
    std::string locked_;      ///< the table whose lock this transaction has; "" for none
    /// The table as it was found under its lock: so it is while nobody else changed it. The
    /// engine's catalog is slow to ask.
    struct Found {
        std::string name;
        Target target;
        std::uint64_t seen = 0;  ///< its last change
    };
    std::optional<Found> found_;
};

Answer<Target> EngineTarget::find(const std::string& table, const MergeOptions& merge) {
    const bool is_same = found_ && found_->name == table && found_->target.table.key() == locked_ &&
                         last_change(locked_).at == found_->seen;
    Target target = is_same ? found_->target : TRY(look_up(table));
    TRY(check_columns(target, merge));
    if (!is_same && target.table.key() == locked_)
        found_ = Found{table, target, last_change(locked_).at};
    return target;
}

Answer<Target> EngineTarget::look_up(const std::string& table) {
    const auto tokens = TRY(redshift::tokens_of(table));
    std::size_t at = 0;
    Target target;
    target.table = TRY(session_.find_table(tokens, at));
    if (tokens[at].kind != redshift::TokenKind::end || target.table.is_temporary ||
        target.table.schema.starts_with("stroma_") || target.table.schema == "main")
        return redshift::refuse("42501", fmt::format("{} is no table of users'", table));
    target.attributes = TRY(redshift::attributes_of(session_, target.table));
    std::vector<redshift::TableColumn> loaded;
    for (auto& column : TRY(redshift::columns_of(session_, target.table)))
        if (!numbers_itself(column)) loaded.push_back(std::move(column));
    target.order = redshift::sort_order(target.attributes, loaded, "");
    for (auto& column : loaded) {
        const std::string type = column.engine_type;
        target.columns.push_back({std::move(column), type});
    }
    target.staging = redshift::TableName{"temp", target.table.name, true}.sql();
    return target;
}

Answer<void> EngineTarget::make_staging(const Target& target) {
    TRY(session_.change("DROP TABLE IF EXISTS " + target.staging));
    std::string columns;
    auto attributes = target.attributes;
    // Rows stay in the order of their files.
    attributes.sort.clear();
    attributes.dist.clear();
    attributes.distkey.clear();
    for (const auto& column : target.columns) {
        columns +=
            (columns.empty() ? "" : ", ") + quoted_name(column.name) + " " + column.engine_type;
        if (!column.default_value.empty()) columns += " DEFAULT " + column.default_value;
        if (!column.is_nullable) columns += " NOT NULL";
    }
    TRY(session_.change(
        fmt::format("CREATE TEMP TABLE {} ({})", quoted_name(target.table.name), columns)));
    return redshift::keep_attributes(session_, {"temp", target.table.name, true}, attributes);
}

Answer<void> EngineTarget::copy(const Target& target, StagingCopy& copy) {
    TRY(session_.run(statement_of(copy.statement, redshift::StatementKind::copy_from_s3)));
    session_.take_notices();
    // What COPY really read.
    const auto rows = TRY(session_.query(
        "SELECT filename, etag, rows_loaded FROM stroma_system.load_commits WHERE query = ?",
        std::vector<sql::Value>{session_.last_copy_query}));
    std::map<std::string, std::pair<std::string, std::int64_t>> read;
    while (TRY(rows->next())) read[rows->text(0)] = {rows->text(1), rows->integer(2)};
    for (StagedFile* file : copy.files) {
        const auto& [etag, count] = read[file->url()];
        if (etag != file->etag) {
            copy.changed = file->url();
            return redshift::refuse("XX000", file->url() + " was overwritten while it was loaded");
        }
        file->rows = count;
    }
    TRY(session_.change("UPDATE stroma_system.load_commits SET target = ? WHERE query = ?",
                        std::vector<sql::Value>{target.table.key(), session_.last_copy_query}));
    return {};
}

Answer<void> EngineTarget::note_absent(const Target& target, const std::string& is_absent,
                                       const std::string& name_of, const std::string& now,
                                       const std::vector<StagedFile>& files) {
    std::string known;
    std::int64_t from = 0;
    for (const StagedFile& file : files) {
        known += fmt::format("{}({}, {}, {})", known.empty() ? "" : ", ", quoted_text(file.url()),
                             from, from + file.rows);
        from += file.rows;
    }
    // Rows of an open transaction are numbered from somewhere. No name of ours may be a column's:
    // the key is named alone, and a row as a value by its relation's name.
    TRY(session_.change(fmt::format(
        "INSERT INTO stroma_system.load_errors SELECT 100, 0, {}, {}::TIMESTAMP, 0, {}, "
        "stroma_f.stroma_url, stroma_s.stroma_at - stroma_f.stroma_begun + 1, {}, 'key', '', 0, "
        "left(to_json(stroma_s.stroma_line)::VARCHAR, 1024), '', 1213, "
        "'Missing data for the key of a merge', 0, 0, NULL FROM (SELECT rowid - (SELECT min(rowid) "
        "FROM {}) AS stroma_at, {}, stroma_staged_row AS stroma_line FROM {} AS stroma_staged_row "
        "WHERE {}) AS stroma_s LEFT JOIN (VALUES {}) AS stroma_f(stroma_url, stroma_begun, "
        "stroma_ended) ON stroma_s.stroma_at >= stroma_f.stroma_begun AND stroma_s.stroma_at < "
        "stroma_f.stroma_ended",
        quoted_text(target.table.key()), quoted_text(now), session_.query_number(), name_of,
        target.staging, target.list(), target.staging, is_absent, known)));
    return {};
}

}  // namespace

std::unique_ptr<TargetSession> engine_target(std::unique_ptr<redshift::Session> session) {
    return std::make_unique<EngineTarget>(std::move(session));
}

}  // namespace stroma::loader
