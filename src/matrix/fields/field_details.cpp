#include "matrix/fields/field_details.h"

#include <fmt/format.h>

namespace stroma::matrix {

namespace {

// Of all details together, about 10 MiB; more are forgotten all at once.
constexpr std::size_t values_max = 100'000;

std::string key_of(const Field& field, const warehouse::Scope& scope) {
    std::string key(field.name);
    if (scope.everything) key += " *";
    for (const auto& dataset : scope.datasets) key += ' ' + dataset;
    return key;
}

}  // namespace

Result<std::shared_ptr<const FieldDetail>> FieldDetails::of(const Field& field,
                                                            const warehouse::Scope& scope) {
    const std::string key = key_of(field, scope);
    // Before the counting: a change amid it makes what was counted old at once.
    const std::uint64_t version = warehouse_.version();
    {
        const std::lock_guard lock(mutex_);
        const auto found = kept_.find(key);
        if (version == version_ && found != kept_.end()) return found->second;
    }
    auto detail = std::make_shared<const FieldDetail>(TRY(count(field, scope)));
    keep(version, key, detail);
    return detail;
}

void FieldDetails::keep(std::uint64_t version, const std::string& key,
                        const std::shared_ptr<const FieldDetail>& detail) {
    const std::lock_guard lock(mutex_);
    const std::size_t values = detail->cell_counts.size() + 1;
    if (version < version_ || values > values_max / 10) return;
    if (version > version_ || values_ + values > values_max) {
        kept_.clear();
        values_ = 0;
        version_ = version;
    }
    if (kept_.emplace(key, detail).second) values_ += values;
}

Result<FieldDetail> FieldDetails::count(const Field& field, const warehouse::Scope& scope) {
    FieldDetail detail{.name = std::string(field.name),
                       .description = std::string(field.description),
                       .numeric = field.kind == warehouse::FieldKind::numeric};
    const std::string column = quoted_name(field.name);
    if (detail.numeric) {
        const auto rows = TRY(warehouse_.query(
            fmt::format(R"(select min({0}), max({0}) from cells where "called")", column), scope,
            {}));
        if (TRY(rows->next()) && !rows->is_null(0)) {
            const auto number = [&](std::size_t i) {
                const sql::Value value = rows->value(i);
                const auto* whole = std::get_if<std::int64_t>(&value);
                return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value);
            };
            detail.minimum = number(0);
            detail.maximum = number(1);
        }
        return detail;
    }
    const std::string text =
        field.kind == warehouse::FieldKind::boolean
            ? fmt::format("case when {0} then 'True' when not {0} then 'False' else '' end", column)
            : fmt::format("coalesce(cast({} as varchar), '')", column);
    const auto rows = TRY(
        warehouse_.query(fmt::format(R"(select {} as v, count(*) as n from cells where "called" )"
                                     "group by 1 order by n desc, v",
                                     text),
                         scope, {}));
    while (TRY(rows->next())) detail.cell_counts.emplace_back(rows->text(0), rows->integer(1));
    return detail;
}

}  // namespace stroma::matrix
