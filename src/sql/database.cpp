#include "sql/database.h"

#include <cassert>

namespace stroma::sql {

bool Rows::is_null(std::size_t column) const {
    return std::holds_alternative<std::monostate>(value(column));
}

namespace {
template <class T>
T value_or_empty(const Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return T{};
    assert(std::holds_alternative<T>(value));
    return std::get<T>(value);
}
}  // namespace

std::int64_t Rows::integer(std::size_t column) const {
    return value_or_empty<std::int64_t>(value(column));
}
double Rows::real(std::size_t column) const { return value_or_empty<double>(value(column)); }
std::string Rows::text(std::size_t column) const {
    return value_or_empty<std::string>(value(column));
}
bool Rows::boolean(std::size_t column) const { return value_or_empty<bool>(value(column)); }

Result<std::int64_t> Connection::change(std::string_view statement,
                                        std::initializer_list<Value> parameters) {
    const auto rows = TRY(execute(statement, parameters));
    return rows->rows_changed();
}

Result<void> Connection::in_transaction(const std::function<Result<void>()>& work) {
    TRY(begin(TransactionKind::write));
    if (auto done = work(); !done) {
        rollback();
        return done;
    }
    return commit();
}

}  // namespace stroma::sql
