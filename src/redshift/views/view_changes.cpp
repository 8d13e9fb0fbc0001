#include <fmt/format.h>

#include <array>

#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"

namespace stroma::redshift {

Answer<std::unique_ptr<Cursor>> alter_materialized_view(EngineSession& session, TokenReader& in,
                                                        const std::vector<Token>& tokens) {
    TRY(in.expect("view"));
    std::size_t at = in.at();
    const TableName view = TRY(session.read_table(tokens, at));
    in.move_to(at);
    TRY(check_ours(session, view));
    TRY(in.expect("auto"));
    TRY(in.expect("refresh"));
    const bool is_fresh = in.take("yes");
    if (!is_fresh) TRY(in.expect("no"));
    if (!TRY(is_view_there(session, view)))
        return refuse("42P01", fmt::format("materialized view \"{}\" does not exist", view.name));
    TRY(demand(session, relation_thing(view), "OWNER"));
    TRY(session.write({view.key()}, false, [&] {
        return session.change(
            "UPDATE stroma_system.materialized_views SET auto_refresh = ? WHERE \"schema\" = ? AND "
            "\"name\" = ?",
            std::array{sql::Value(is_fresh), sql::Value(view.schema), sql::Value(view.name)});
    }));
    return done(StatementKind::alter, 0, "ALTER MATERIALIZED VIEW");
}

Answer<std::unique_ptr<Cursor>> rename_view(EngineSession& session, const TableName& view,
                                            TokenReader& in) {
    TRY(in.expect("rename"));
    TRY(in.expect("to"));
    const std::string name = TRY(in.name());
    TRY(check_ours(session, view));
    TRY(demand_on(session, view, {"ALTER"}));
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(session.change(
            fmt::format("ALTER VIEW {} RENAME TO {}", view.sql(), quoted_name(name))));
        TRY(note_renamed(session, view, name));
        return 0;
    };
    TRY(session.write({view.key()}, false, work));
    return done(StatementKind::alter);
}

}  // namespace stroma::redshift
