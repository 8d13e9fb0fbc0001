#include "annotation/labels_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "annotation/csv.h"

namespace stroma::annotation {
namespace {

constexpr std::size_t told_max = 5;  // cells named in a message
constexpr std::size_t lost_told_max = 1000;
constexpr std::int64_t ambiguous = -2;

/// Cell by id; `ambiguous` where several have it.
using Index = std::unordered_map<std::string_view, std::int64_t>;

Index index_of(const CellIds& ids) {
    Index index;
    index.reserve(ids.count);
    for (std::uint32_t cell = 0; cell < ids.count; ++cell) {
        const auto [place, is_new] = index.emplace(ids.id(cell), cell);
        if (!is_new) place->second = ambiguous;
    }
    return index;
}

/// "'a' (line 3), 'b' (line 9) and 12 more"
class Told {
public:
    void add(std::string_view id, std::uint64_t line) {
        if (++count_ > told_max) return;
        if (!text_.empty()) text_ += ", ";
        text_ += fmt::format("'{}' (line {})", id.substr(0, 100), line);
    }
    bool any() const { return count_ > 0; }
    std::size_t count() const { return count_; }
    std::string text() const {
        return count_ > told_max ? fmt::format("{} and {} more", text_, count_ - told_max) : text_;
    }

private:
    std::string text_;
    std::size_t count_ = 0;
};

struct RowPlace {
    std::uint32_t cell = 0;
    std::size_t row = 0;
};

/// The cell of each row behind the header, by rising cell.
Result<std::vector<RowPlace>> places_of(const std::vector<CsvRow>& rows, const CellIds& ids) {
    const Index index = index_of(ids);
    std::vector<bool> seen(ids.count);
    std::vector<RowPlace> places;
    Told unknown, twice, unclear;
    for (std::size_t row = 1; row < rows.size(); ++row) {
        const std::string& id = rows[row].fields.front();
        const auto found = index.find(id);
        if (found == index.end()) {
            unknown.add(id, rows[row].line);
        } else if (found->second == ambiguous) {
            unclear.add(id, rows[row].line);
        } else {
            const auto cell = static_cast<std::uint32_t>(found->second);
            if (seen[cell]) twice.add(id, rows[row].line);
            seen[cell] = true;
            places.push_back({cell, row});
        }
    }
    if (unknown.any())
        return fail(ErrorCode::invalid_input, fmt::format("{} cells aren't in this revision: {}",
                                                          unknown.count(), unknown.text()));
    if (twice.any())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} cells come twice: {}", twice.count(), twice.text()));
    if (unclear.any())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} ids belong to several cells of this revision: {}",
                                unclear.count(), unclear.text()));
    std::sort(places.begin(), places.end(),
              [](const RowPlace& a, const RowPlace& b) { return a.cell < b.cell; });
    return places;
}

Result<void> check_shape(const std::vector<CsvRow>& rows) {
    if (rows.empty())
        return fail(ErrorCode::invalid_input,
                    "the CSV is empty; its first line names the columns, the first of cell ids");
    const auto& header = rows.front().fields;
    if (header.size() < 2)
        return fail(
            ErrorCode::invalid_input,
            "the CSV has one column; cell ids and at least one column of labels are needed");
    for (std::size_t i = 1; i < header.size(); ++i) {
        TRY(check_text("column's name", header[i]));
        if (std::find(header.begin() + 1, header.begin() + static_cast<std::ptrdiff_t>(i),
                      header[i]) != header.begin() + static_cast<std::ptrdiff_t>(i))
            return fail(ErrorCode::invalid_input, "the column '" + header[i] + "' comes twice");
    }
    for (const CsvRow& row : rows)
        if (row.fields.size() != header.size())
            return fail(ErrorCode::invalid_input,
                        fmt::format("line {} of the CSV has {} fields, its header {}", row.line,
                                    row.fields.size(), header.size()));
    return {};
}

std::int32_t place_of(const std::string& label, std::vector<std::string>& labels,
                      std::unordered_map<std::string, std::int32_t>& by_label) {
    if (label.empty() || label == unassigned_text) return unassigned;
    const auto [found, is_new] = by_label.emplace(label, static_cast<std::int32_t>(labels.size()));
    if (is_new) labels.push_back(label);
    return found->second;
}

}  // namespace

std::string labels_to_csv(const CellIds& ids, const std::vector<NamedState>& columns) {
    std::string csv = "cell_id";
    std::vector<std::vector<std::string>> fields;
    for (const NamedState& column : columns) {
        csv += ',' + csv_field(column.name);
        fields.emplace_back();
        for (const auto& label : column.state->labels)
            fields.back().push_back(label ? csv_field(*label) : "");
    }
    csv += '\n';
    for (std::uint32_t cell = 0; cell < ids.count; ++cell) {
        csv += csv_field(ids.id(cell));
        for (std::size_t i = 0; i < columns.size(); ++i) {
            csv += ',';
            const std::int32_t code = columns[i].state->codes[cell];
            if (code != unassigned) csv += fields[i][static_cast<std::size_t>(code)];
        }
        csv += '\n';
    }
    return csv;
}

Result<std::vector<ListedLabels>> labels_from_csv(std::string_view text, const CellIds& ids) {
    const auto rows = TRY(parse_csv(text));
    TRY(check_shape(rows));
    const auto places = TRY(places_of(rows, ids));
    std::vector<ListedLabels> columns;
    for (std::size_t i = 1; i < rows.front().fields.size(); ++i) {
        ListedLabels column;
        column.name = rows.front().fields[i];
        std::unordered_map<std::string, std::int32_t> by_label;
        for (const RowPlace& place : places) {
            column.cells.push_back(place.cell);
            column.values.push_back(place_of(rows[place.row].fields[i], column.labels, by_label));
        }
        columns.push_back(std::move(column));
    }
    return columns;
}

Result<CarriedLabels> carried_over(const NamedState& column, const CellIds& from,
                                   const CellIds& to) {
    const Index index = index_of(to);
    CarriedLabels carried;
    carried.labels.name = column.name;
    std::vector<std::int32_t> place_of_code;
    for (const auto& label : column.state->labels) {
        place_of_code.push_back(label ? static_cast<std::int32_t>(carried.labels.labels.size())
                                      : unassigned);
        if (label) carried.labels.labels.push_back(*label);
    }
    std::vector<std::pair<std::uint32_t, std::int32_t>> found;
    for (std::uint32_t cell = 0; cell < from.count; ++cell) {
        const std::int32_t code = column.state->codes[cell];
        if (code == unassigned) continue;
        const auto place = index.find(from.id(cell));
        if (place == index.end()) {
            ++carried.lost;
            if (carried.lost_ids.size() < lost_told_max)
                carried.lost_ids.emplace_back(from.id(cell));
            continue;
        }
        if (place->second == ambiguous)
            return fail(
                ErrorCode::invalid_input,
                fmt::format("several cells of the new revision are called '{}'", from.id(cell)));
        found.emplace_back(static_cast<std::uint32_t>(place->second),
                           place_of_code[static_cast<std::size_t>(code)]);
    }
    std::sort(found.begin(), found.end());
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (i > 0 && found[i].first == found[i - 1].first)
            return fail(ErrorCode::invalid_input,
                        fmt::format("several cells of the old revision are called '{}'",
                                    to.id(found[i].first)));
        carried.labels.cells.push_back(found[i].first);
        carried.labels.values.push_back(found[i].second);
    }
    return carried;
}

}  // namespace stroma::annotation
