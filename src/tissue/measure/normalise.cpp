#include "tissue/measure/normalise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stroma::tissue {
namespace {

/// Rows of each group; one group of all where no column is named.
Result<std::vector<std::vector<std::size_t>>> groups_by(const CellTable& table,
                                                        const std::string& column) {
    std::vector<std::vector<std::size_t>> groups;
    if (column.empty()) {
        groups.resize(1);
        for (std::size_t i = 0; i < table.cell_count(); ++i) groups[0].push_back(i);
        return groups;
    }
    const WordColumn* const words = table.word(column);
    if (words == nullptr)
        return fail(ErrorCode::invalid_input,
                    fmt::format("the cells have no column of words '{}'", column));
    groups.resize(words->levels.size() + 1);
    for (std::size_t i = 0; i < table.cell_count(); ++i)
        groups[static_cast<std::size_t>(words->codes[i] + 1)].push_back(i);
    return groups;
}

double usual_cofactor(const std::vector<double>& sorted) {
    const double low = 5 * quantile_at(sorted, 0.2);
    if (low > 0) return low;
    return sorted.back() > 0 ? sorted.back() : 1;
}

void standardise(std::vector<double>& values) {
    double sum = 0, squares = 0, count = 0;
    for (const double value : values)
        if (!std::isnan(value)) {
            sum += value;
            ++count;
        }
    const double mean = sum / count;
    for (const double value : values)
        if (!std::isnan(value)) squares += (value - mean) * (value - mean);
    const double deviation = std::sqrt(squares / count);
    for (double& value : values) value = deviation > 0 ? (value - mean) / deviation : 0;
}

void change(std::vector<double>& values, const std::string& how, const NormaliseOptions& options) {
    std::vector<double> sorted;
    for (const double value : values)
        if (!std::isnan(value)) sorted.push_back(value);
    if (sorted.empty()) return;
    std::sort(sorted.begin(), sorted.end());
    if (how == "log1p") {
        for (double& value : values) value = std::log1p(std::max(value, 0.0));
        return;
    }
    if (how == "percentile") {
        const double low = quantile_at(sorted, 0.01), high = quantile_at(sorted, options.high);
        for (double& value : values) value = high > low ? (value - low) / (high - low) : 0;
        return;
    }
    const double cofactor = options.cofactor > 0 ? options.cofactor : usual_cofactor(sorted);
    for (double& value : values) value = std::asinh(value / cofactor);
    if (how == "zscore") standardise(values);
}

/// What stands in both tables under a name; a column that one of them lacks is none of its cells.
template <class Column, class Value>
void append_values(std::vector<Column>& columns, const std::vector<Column>& more,
                   std::size_t before, std::size_t behind, Value none) {
    for (Column& column : columns) {
        const auto at = std::find_if(more.begin(), more.end(), [&](const Column& other) {
            return other.name == column.name;
        });
        if (at == more.end())
            column.values.resize(before + behind, none);
        else
            column.values.insert(column.values.end(), at->values.begin(), at->values.end());
    }
}

}  // namespace

double quantile_at(const std::vector<double>& sorted, double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double low = sorted[below], high = sorted[std::min(below + 1, sorted.size() - 1)];
    return low + (high - low) * (place - static_cast<double>(below));
}

Result<void> normalise(CellTable& table, const std::string& from, const std::string& how,
                       const NormaliseOptions& options) {
    if (how != "arcsinh" && how != "log1p" && how != "zscore" && how != "percentile")
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' is no way to normalise; there are arcsinh, log1p, zscore and "
                                "percentile",
                                how));
    const MarkerLayer* const layer = table.layer(from);
    if (layer == nullptr)
        return fail(ErrorCode::invalid_input, fmt::format("the cells have no layer '{}'", from));
    const auto groups = TRY(groups_by(table, options.by));
    MarkerLayer out{how, layer->values};
    const std::size_t markers = table.markers.size();
    std::vector<double> values;
    for (const auto& rows : groups)
        for (std::size_t marker = 0; marker < markers && !rows.empty(); ++marker) {
            values.clear();
            for (const std::size_t row : rows)
                values.push_back(static_cast<double>(out.values[row * markers + marker]));
            change(values, how, options);
            for (std::size_t i = 0; i < rows.size(); ++i)
                out.values[rows[i] * markers + marker] = static_cast<float>(values[i]);
        }
    table.set(std::move(out));
    return {};
}

Result<void> append(CellTable& table, const CellTable& more) {
    if (table.markers != more.markers)
        return fail(ErrorCode::invalid_input,
                    "its channels have other names than those of the images before it; give the "
                    "names that they share");
    const std::size_t before = table.cell_count(), behind = more.cell_count();
    const std::size_t markers = table.markers.size();
    append_values(table.numbers, more.numbers, before, behind, std::nan(""));
    append_values(table.layers, more.layers, before * markers, behind * markers, std::nanf(""));
    append_values(table.embeddings, more.embeddings, 2 * before, 2 * behind, std::nan(""));
    for (WordColumn& column : table.words) {
        const WordColumn* const other = more.word(column.name);
        for (std::size_t i = 0; i < behind; ++i) {
            const std::int32_t code = other == nullptr ? -1 : other->codes[i];
            if (code < 0)
                column.codes.push_back(-1);
            else
                column.push_back(other->levels[static_cast<std::size_t>(code)]);
        }
    }
    table.ids.insert(table.ids.end(), more.ids.begin(), more.ids.end());
    return {};
}

}  // namespace stroma::tissue
