#include <fmt/format.h>

#include <algorithm>

#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"
#include "redshift/types.h"

namespace stroma::redshift {
namespace {

const TableColumn* column_named(const std::vector<TableColumn>& columns, const std::string& name) {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const TableColumn& each) {
        return lower_of(each.name) == lower_of(name);
    });
    return found == columns.end() ? nullptr : &*found;
}

/// How a column was declared; its length, in bytes, is 0 where texts may have any.
Answer<TypeName> declared_type(const TableAttributes& attributes, const TableColumn& column) {
    const auto kept = attributes.columns.find(column.name);
    const bool is_kept = kept != attributes.columns.end() && !kept->second.type.empty();
    return type_named(is_kept ? kept->second.type : column.engine_type);
}

}  // namespace

Answer<std::unique_ptr<Cursor>> run_append(EngineSession& session, const TableName& target,
                                           const std::vector<Token>& tokens, std::size_t at) {
    if (session.in_block())
        return refuse("25001", "ALTER TABLE APPEND cannot run inside a transaction block");
    TokenReader in(tokens, at);
    TRY(in.expect("append"));
    TRY(in.expect("from"));
    std::size_t next = in.at();
    const TableName source = TRY(session.find_table(tokens, next));
    in.move_to(next);
    const bool ignores = in.take("ignoreextra"), fills = !ignores && in.take("filltarget");
    if (!in.at_end()) return in.wrong("IGNOREEXTRA or FILLTARGET");
    TRY(check_ours(session, source));
    if (source.key() == target.key()) return refuse("42P07", "a table can't be appended to itself");
    TRY(demand_on(session, target, {"INSERT"}));
    TRY(demand_on(session, source, {"SELECT", "DELETE"}));
    const auto work = [&]() -> Answer<std::int64_t> {
        const auto into = TRY(columns_of_known(session, target));
        const auto from = TRY(columns_of_known(session, source));
        const auto of_target = TRY(attributes_of(session, target));
        const auto of_source = TRY(attributes_of(session, source));
        std::string names;
        for (const TableColumn& column : from) {
            const TableColumn* const other = column_named(into, column.name);
            if (other == nullptr && ignores) continue;
            if (other == nullptr)
                return refuse("42703", fmt::format("column \"{}\" of the source is not in the "
                                                   "target: IGNOREEXTRA leaves it out",
                                                   column.name));
            if (other->engine_type != column.engine_type)
                return refuse("42804",
                              fmt::format("column \"{}\" has the types {} and {}", column.name,
                                          column.engine_type, other->engine_type));
            // The rows are moved as they are: nobody looks at the lengths of their texts.
            const TypeName here = TRY(declared_type(of_target, *other));
            const TypeName there = TRY(declared_type(of_source, column));
            if (here.length > 0 && (there.length == 0 || there.length > here.length))
                return refuse("42804",
                              fmt::format("column \"{}\" has the types {} and {}: its texts may "
                                          "be longer than the target's",
                                          column.name, there.declared, here.declared));
            names += (names.empty() ? "" : ", ") + quoted_name(column.name);
        }
        for (const TableColumn& column : into)
            if (column_named(from, column.name) == nullptr && !fills)
                return refuse("42703", fmt::format("column \"{}\" of the target is not in the "
                                                   "source: FILLTARGET fills it",
                                                   column.name));
        if (names.empty()) return refuse("42703", "the tables have no column in common");
        const std::int64_t rows = TRY(session.change(fmt::format(
            "INSERT INTO {} ({}) SELECT {} FROM {}", target.sql(), names, names, source.sql())));
        TRY(session.change("DELETE FROM " + source.sql()));
        return rows;
    };
    // In one order, whoever appends which to which.
    std::vector<std::string> both = {target.key(), source.key()};
    std::sort(both.begin(), both.end());
    TRY(session.write(both, true, work));
    return done(StatementKind::alter);
}

}  // namespace stroma::redshift
