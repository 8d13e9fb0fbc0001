#include "matrix/field_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "matrix/fields/fields.h"
#include "warehouse/frame_names.h"

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

Column text_column(const Values& values) {
    TextArray texts;
    std::vector<bool> missing;
    bool any = false;
    for (const auto& value : values) {
        missing.push_back(std::holds_alternative<std::monostate>(value));
        any = any || missing.back();
        texts.push_back(text_of(value, TableLayout::plain));
    }
    Column column{"", std::move(texts), std::nullopt};
    if (any) column.missing = std::move(missing);
    return column;
}

/// One field's values as they come, in any order, and the column they become. Texts are kept once
/// and told by number, because a field of a million cells seldom has many.
class FieldValues {
public:
    FieldValues(sql::Type type, std::size_t rows, TableLayout layout, bool as_real)
        : layout_(layout),
          is_number_(type == sql::Type::integer || type == sql::Type::real),
          whole_(type == sql::Type::integer && !as_real) {
        if (is_number_)
            numbers_.resize(rows);
        else
            codes_.assign(rows, -1);
        missing_.assign(rows, true);
    }

    void set(std::size_t row, const sql::Value& value) {
        missing_[row] = std::holds_alternative<std::monostate>(value);
        if (missing_[row]) return;
        if (is_number_) {
            set_number(row, value);
            return;
        }
        const auto next = static_cast<std::int32_t>(code_of_.size());
        codes_[row] = code_of_.try_emplace(text_of(value, layout_), next).first->second;
    }

    Column take() {
        if (!is_number_) return take_texts();
        const bool any_missing =
            std::find(missing_.begin(), missing_.end(), true) != missing_.end();
        const bool whole = whole_ && !any_missing;
        Array array{whole ? expression::ValueType::int64 : expression::ValueType::float64,
                    {numbers_.size()},
                    Bytes(numbers_.size() * 8)};
        for (std::size_t row = 0; row < numbers_.size(); ++row) {
            const auto bits = std::bit_cast<std::int64_t>(numbers_[row]);
            if (whole)
                array.data<std::int64_t>()[row] = bits;
            else if (missing_[row])
                array.data<double>()[row] = std::numeric_limits<double>::quiet_NaN();
            else
                array.data<double>()[row] = whole_ ? static_cast<double>(bits) : numbers_[row];
        }
        return Column{"", std::move(array), std::nullopt};
    }

private:
    /// A whole number's bits lie in the double's place until it is known whether all are whole.
    void set_number(std::size_t row, const sql::Value& value) {
        const auto* whole = std::get_if<std::int64_t>(&value);
        if (whole == nullptr)
            numbers_[row] = std::get<double>(value);
        else if (whole_)
            numbers_[row] = std::bit_cast<double>(*whole);
        else
            numbers_[row] = static_cast<double>(*whole);
    }

    /// Categories in the order of their texts, so that equal cells give equal bytes.
    Column take_texts() {
        expression::Categorical values;
        TextArray categories;
        std::vector<std::int32_t> sorted(code_of_.size());
        for (const auto& [text, code] :
             std::map<std::string_view, std::int32_t>(code_of_.begin(), code_of_.end())) {
            sorted[static_cast<std::size_t>(code)] = static_cast<std::int32_t>(categories.size());
            categories.push_back(text);
        }
        for (std::int32_t& code : codes_)
            if (code >= 0) code = sorted[static_cast<std::size_t>(code)];
        const bool repeated = 2 * categories.size() <= codes_.size();
        if (repeated) {
            values.categories = std::move(categories);
            values.codes = std::move(codes_);
            return Column{"", std::move(values), std::nullopt};
        }
        TextArray texts;
        for (const std::int32_t code : codes_)
            texts.push_back(code < 0 ? std::string_view()
                                     : categories[static_cast<std::size_t>(code)]);
        Column column{"", std::move(texts), std::nullopt};
        if (std::find(missing_.begin(), missing_.end(), true) != missing_.end())
            column.missing = std::move(missing_);
        return column;
    }

    TableLayout layout_;
    bool is_number_, whole_;
    std::vector<double> numbers_;
    std::vector<std::int32_t> codes_;
    std::unordered_map<std::string, std::int32_t> code_of_;
    std::vector<bool> missing_;
};

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

/// The selected datasets and no others, whose columns might change the types.
warehouse::Scope scope_of(const std::vector<warehouse::SelectedCells>& selected) {
    warehouse::Scope scope;
    for (const auto& part : selected) scope.datasets.push_back(part.dataset);
    return scope;
}

std::string select_statement(const std::vector<warehouse::SelectedCells>& selected,
                             const std::vector<std::string>& fields, TableLayout layout) {
    std::string columns = R"("dataset_id", "cell_index", "revision", )";
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
    std::set<std::string> revisions;
    for (const auto& part : selected) revisions.insert(part.revision);
    const auto rows = TRY_WITH(warehouse.query(select_statement(selected, fields, layout),
                                               scope_of(selected), internal_limits),
                               "reading the fields");
    std::vector<std::string> ids(places.count());
    std::vector<FieldValues> values;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const bool as_real = layout == TableLayout::matrix_service && fields[i] == "total_umis";
        values.emplace_back(rows->columns()[i + 4].type, places.count(), layout, as_real);
    }
    std::size_t found = 0;
    while (TRY(rows->next())) {
        const std::int64_t place = places.find(rows->text(0), rows->integer(1));
        if (place < 0 || !revisions.contains(rows->text(2))) continue;
        const auto at = static_cast<std::size_t>(place);
        ids[at] = rows->text(3);
        for (std::size_t i = 0; i < fields.size(); ++i) values[i].set(at, rows->value(i + 4));
        ++found;
    }
    if (found != places.count())
        return fail(ErrorCode::conflict, "the data changed while its fields were read");
    for (const std::string& id : ids) frame.index.push_back(id);
    for (std::size_t i = 0; i < fields.size(); ++i) {
        Column column = values[i].take();
        column.name = asked[i];
        frame.columns.push_back(std::move(column));
    }
    return frame;
}

Result<Frame> feature_columns(warehouse::Warehouse& warehouse,
                              const std::vector<warehouse::SelectedCells>& selected,
                              const Frame& var, bool are_genes) {
    static const std::vector<std::string> names = {"featurename",  "featuretype", "chromosome",
                                                   "featurestart", "featureend",  "isgene",
                                                   "genus_species"};
    std::unordered_map<std::string, std::size_t> row_of;
    Frame frame;
    frame.index_name = "featurekey";
    const auto keys = warehouse::featurekeys_of(var);
    for (std::size_t gene = 0; gene < var.row_count(); ++gene) {
        std::string key = keys[gene];
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
    const auto rows = TRY_WITH(
        warehouse.query("select featurekey, featurename, featuretype, chromosome, featurestart, "
                        "featureend, isgene, genus_species from feature",
                        scope_of(selected), internal_limits),
        "reading the features");
    while (TRY(rows->next())) {
        const auto found = row_of.find(rows->text(0));
        if (found == row_of.end()) continue;
        for (std::size_t i = 0; i < names.size(); ++i)
            if (!rows->is_null(i + 1)) values[i][found->second] = rows->value(i + 1);
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        const bool is_place = i == 3 || i == 4;
        Column column = !is_place                 ? text_column(values[i])
                        : all_integers(values[i]) ? integer_column(values[i])
                                                  : real_column(values[i]);
        column.name = names[i];
        frame.columns.push_back(std::move(column));
    }
    return frame;
}

}  // namespace stroma::matrix
