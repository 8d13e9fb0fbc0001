#include <fmt/format.h>

#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"
#include "sql/duckdb/duckdb_database.h"

namespace stroma::redshift {
namespace {

/// MERGE INTO target USING source [AS alias] ON condition
///   { WHEN MATCHED THEN …  WHEN NOT MATCHED THEN … | REMOVE DUPLICATES }
class Merge {
public:
    Merge(EngineSession& session, const Prepared& prepared)
        : session_(session), prepared_(prepared), tokens_(prepared.plan->tokens), in_(tokens_) {}

    Answer<std::int64_t> run(std::span<const sql::Value> values);

private:
    Answer<void> read();
    Answer<void> demand_rights();
    Answer<std::int64_t> remove_duplicates();
    Answer<void> check_matches();
    Answer<std::int64_t> change_checked(const std::string& sql,
                                        std::span<const sql::Value> values = {});
    Answer<std::string> part(std::size_t from, std::size_t to) {
        return session_.rewritten(prepared_, from, to);
    }

    EngineSession& session_;
    const Prepared& prepared_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
    TableName target_;
    std::string source_, condition_, target_called_, source_called_;
    bool removes_duplicates_ = false;
};

Answer<void> Merge::read() {
    TRY(in_.expect("merge"));
    TRY(in_.expect("into"));
    std::size_t at = in_.at();
    target_ = TRY(session_.find_table(tokens_, at));
    in_.move_to(at);
    target_called_ = target_.name;
    if (!in_.is("using")) {
        in_.take("as");
        target_called_ = TRY(in_.name());
    }
    TRY(in_.expect("using"));
    const std::size_t source = in_.at();
    if (in_.is_sign("(")) {
        TRY(in_.skip_brackets());
    } else {
        source_called_ = TRY(in_.name());
        while (in_.take_sign(".")) source_called_ = TRY(in_.name());
    }
    source_ = TRY(part(source, in_.at()));
    if (!in_.is("on")) {
        in_.take("as");
        source_called_ = TRY(in_.name());
    }
    TRY(in_.expect("on"));
    const std::size_t condition = in_.at();
    while (!in_.at_end() && !in_.is("when") && !in_.is("remove")) {
        if (in_.is_sign("(")) {
            TRY(in_.skip_brackets());
        } else {
            in_.next();
        }
    }
    condition_ = TRY(part(condition, in_.at()));
    if (in_.take("remove")) {
        TRY(in_.expect("duplicates"));
        removes_duplicates_ = true;
    }
    return {};
}

Answer<void> Merge::demand_rights() {
    if (session_.is_superuser()) return {};
    TRY(demand_on(session_, target_, {"SELECT", "INSERT", "UPDATE", "DELETE"}));
    TRY(demand_reads(session_, fmt::format("SELECT 1 FROM {} AS {} WHERE {}", source_,
                                           quoted_name(source_called_), condition_)));
    for (; !in_.at_end(); in_.next())
        if (in_.is("select") || in_.is("from") || in_.is("table") || in_.is("with"))
            return refuse("0A000", "WHEN of a MERGE takes no subquery: put it into the source");
    return {};
}

// A row of the target that several of the source match is an error, whatever would become of it.
Answer<void> Merge::check_matches() {
    const auto twice = TRY(session_.text_of(
        fmt::format("SELECT 'yes' FROM {} AS {} JOIN {} AS {} ON {} GROUP BY {}.rowid HAVING "
                    "count(*) > 1 LIMIT 1",
                    target_.sql(), quoted_name(target_called_), source_,
                    quoted_name(source_called_), condition_, quoted_name(target_called_))));
    if (twice) return refuse("21000", "Found multiple matches to update the same tuple.");
    return {};
}

// No text that is longer than its column.
Answer<std::int64_t> Merge::change_checked(const std::string& sql,
                                           std::span<const sql::Value> values) {
    const std::string check = TRY(length_check(session_, prepared_.statement, tokens_, target_));
    return check.empty() ? session_.change(sql, values)
                         : session_.change_and_count(sql + check, values);
}

// What matches is replaced by the source's rows, of which each stays once.
Answer<std::int64_t> Merge::remove_duplicates() {
    TRY(check_matches());
    TRY(session_.change(fmt::format("DELETE FROM {} AS {} USING {} AS {} WHERE {}", target_.sql(),
                                    quoted_name(target_called_), source_,
                                    quoted_name(source_called_), condition_)));
    return change_checked(
        fmt::format("INSERT INTO {} SELECT DISTINCT * FROM {}", target_.sql(), source_));
}

Answer<std::int64_t> Merge::run(std::span<const sql::Value> values) {
    TRY(read());
    TRY(demand_rights());
    const std::string whole = TRY(part(0, tokens_.size() - 1));
    return session_.write({target_.key()}, true, [&]() -> Answer<std::int64_t> {
        if (removes_duplicates_) return remove_duplicates();
        if (auto checked = check_matches(); !checked) return fail(std::move(checked.error()));
        return change_checked(whole, values);
    });
}

}  // namespace

Answer<std::unique_ptr<Cursor>> run_merge(EngineSession& session, const Prepared& prepared,
                                          std::span<const sql::Value> values) {
    const auto rows = TRY(Merge(session, prepared).run(values));
    return done(StatementKind::merge, rows);
}

}  // namespace stroma::redshift
