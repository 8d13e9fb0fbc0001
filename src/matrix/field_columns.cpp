#include "matrix/field_columns.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <unordered_map>

#include "matrix/fields.h"
#include "matrix/gene_space.h"

namespace stroma::matrix {
namespace {

using expression::Array;
using expression::Column;
using expression::Frame;
using expression::TextArray;

const warehouse::QueryLimits internal_limits{
    .time = Milliseconds{3'600'000},
    .memory_bytes = std::uint64_t{4} << 30,
    .rows_max = std::numeric_limits<std::uint64_t>::max(),
    .bytes_max = std::numeric_limits<std::uint64_t>::max()};

/// Values in the order of the output, of one column.
using Values = std::vector<sql::Value>;

bool all_integers(const Values& values) {
    for (const auto& value : values)
        if (!std::holds_alternative<std::int64_t>(value)) return false;
    return true;
}

Column real_column(const Values& values) {
    Array array{expression::ValueType::float64, {values.size()}, Bytes(values.size() * 8)};
    for (std::size_t i = 0; i < values.size(); ++i) {
        double number = std::numeric_limits<double>::quiet_NaN();
        if (const auto* real = std::get_if<double>(&values[i])) number = *real;
        if (const auto* whole = std::get_if<std::int64_t>(&values[i]))
            number = static_cast<double>(*whole);
        array.data<double>()[i] = number;
    }
    return Column{"", std::move(array), std::nullopt};
}

Column integer_column(const Values& values) {
    Array array{expression::ValueType::int64, {values.size()}, Bytes(values.size() * 8)};
    for (std::size_t i = 0; i < values.size(); ++i)
        array.data<std::int64_t>()[i] = std::get<std::int64_t>(values[i]);
    return Column{"", std::move(array), std::nullopt};
}

std::string text_of(const sql::Value& value, TableLayout layout) {
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* truth = std::get_if<bool>(&value)) {
        if (layout == TableLayout::matrix_service) return *truth ? "t" : "f";
        return *truth ? "True" : "False";
    }
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
    if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
    return "";
}

Column column_of(const Values& values, sql::Type type, TableLayout layout, bool as_real) {
    if (type == sql::Type::integer && !as_real && all_integers(values))
        return integer_column(values);
    if (type == sql::Type::integer || type == sql::Type::real) return real_column(values);
    TextArray texts;
    std::vector<bool> missing;
    bool any = false;
    for (const auto& value : values) {
        missing.push_back(std::holds_alternative<std::monostate>(value));
        any = any || missing.back();
        texts.push_back(text_of(value, layout));
    }
    Column column{"", std::move(texts), std::nullopt};
    if (any) column.missing = std::move(missing);
    return column;
}

/// Where each selected cell stands in the output, by dataset and row of obs.
class OutputPlaces {
public:
    explicit OutputPlaces(const std::vector<warehouse::SelectedCells>& selected) {
        for (const auto& part : selected) {
            auto& places = by_dataset_[part.dataset];
            for (const std::uint32_t cell : part.cells) {
                if (places.size() <= cell) places.resize(cell + 1, -1);
                places[cell] = static_cast<std::int64_t>(count_++);
            }
        }
    }
    std::size_t count() const { return count_; }
    std::int64_t find(const std::string& dataset, std::int64_t cell) const {
        const auto part = by_dataset_.find(dataset);
        if (part == by_dataset_.end() || cell < 0 ||
            static_cast<std::size_t>(cell) >= part->second.size())
            return -1;
        return part->second[static_cast<std::size_t>(cell)];
    }

private:
    std::unordered_map<std::string, std::vector<std::int64_t>> by_dataset_;
    std::size_t count_ = 0;
};

std::string select_statement(const std::vector<warehouse::SelectedCells>& selected,
                             const std::vector<std::string>& fields, TableLayout layout) {
    std::string columns = R"("dataset_id", "cell_index", )";
    columns += layout == TableLayout::matrix_service ? R"("cellkey")" : R"("cell_id")";
    for (const std::string& field : fields) columns += ", " + quoted_name(field);
    std::string datasets;
    for (const auto& part : selected)
        datasets += (datasets.empty() ? "" : ", ") + quoted_text(part.dataset);
    return fmt::format(R"(select {} from cells where "dataset_id" in ({}))", columns, datasets);
}

}  // namespace

Result<Frame> field_columns(warehouse::Warehouse& warehouse,
                            const std::vector<warehouse::SelectedCells>& selected,
                            const std::vector<std::string>& asked, TableLayout layout) {
    Frame frame;
    frame.index_name = layout == TableLayout::matrix_service ? "cellkey" : "cell_id";
    if (selected.empty()) return frame;
    std::vector<std::string> fields;
    for (const std::string& name : asked) {
        const Field* field = find_field(name);
        fields.emplace_back(field == nullptr ? name : std::string(field->name));
    }
    const OutputPlaces places(selected);
    const warehouse::Scope scope{.everything = true, .datasets = {}};
    const auto rows = TRY_WITH(
        warehouse.query(select_statement(selected, fields, layout), scope, internal_limits),
        "reading the fields");
    std::vector<std::string> ids(places.count());
    std::vector<Values> values(fields.size(), Values(places.count()));
    while (TRY(rows->next())) {
        const std::int64_t place = places.find(rows->text(0), rows->integer(1));
        if (place < 0) continue;
        const auto at = static_cast<std::size_t>(place);
        ids[at] = rows->text(2);
        for (std::size_t i = 0; i < fields.size(); ++i) values[i][at] = rows->value(i + 3);
    }
    for (const std::string& id : ids) frame.index.push_back(id);
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const bool as_real = layout == TableLayout::matrix_service && fields[i] == "total_umis";
        Column column = column_of(values[i], rows->columns()[i + 3].type, layout, as_real);
        column.name = asked[i];
        frame.columns.push_back(std::move(column));
    }
    return frame;
}

Result<Frame> feature_columns(warehouse::Warehouse& warehouse, const Frame& var, bool are_genes) {
    static const std::vector<std::string> names = {"featurename",  "featuretype", "chromosome",
                                                   "featurestart", "featureend",  "isgene",
                                                   "genus_species"};
    std::unordered_map<std::string, std::size_t> row_of;
    Frame frame;
    frame.index_name = "featurekey";
    for (std::size_t gene = 0; gene < var.row_count(); ++gene) {
        std::string key = feature_key(var, gene);
        if (!row_of.try_emplace(key, gene).second) key = var.index[gene];
        row_of.try_emplace(key, gene);
        frame.index.push_back(key);
    }
    std::vector<Values> values(names.size(), Values(var.row_count()));
    const Column* own_name = nullptr;
    for (const auto* name : {"feature_name", "featurename", "gene_symbols", "gene_name", "Gene"})
        if (own_name == nullptr) own_name = var.find(name);
    for (std::size_t gene = 0; gene < var.row_count(); ++gene) {
        values[0][gene] = own_name != nullptr && !own_name->is_missing(gene)
                              ? own_name->text(gene)
                              : std::string(var.index[gene]);
        values[5][gene] = std::string(are_genes ? "True" : "False");
    }
    const warehouse::Scope scope{.everything = true, .datasets = {}};
    const auto rows = TRY_WITH(
        warehouse.query("select featurekey, featurename, featuretype, chromosome, featurestart, "
                        "featureend, isgene, genus_species from feature",
                        scope, internal_limits),
        "reading the features");
    while (TRY(rows->next())) {
        const auto found = row_of.find(rows->text(0));
        if (found == row_of.end()) continue;
        for (std::size_t i = 0; i < names.size(); ++i)
            if (!rows->is_null(i + 1)) values[i][found->second] = rows->value(i + 1);
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        const bool is_place = i == 3 || i == 4;
        Column column = column_of(values[i], is_place ? sql::Type::integer : sql::Type::text,
                                  TableLayout::plain, false);
        column.name = names[i];
        frame.columns.push_back(std::move(column));
    }
    return frame;
}

}  // namespace stroma::matrix
