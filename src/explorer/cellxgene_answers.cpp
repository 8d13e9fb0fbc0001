#include "explorer/cellxgene_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/json.h"
#include "explorer/colors.h"
#include "explorer/embeddings.h"
#include "explorer/net_matrix.h"
#include "expression/compare/cellxgene_compare.h"

namespace stroma::explorer {
namespace {

using expression::Categorical;
using expression::Column;
using expression::Frame;

constexpr std::size_t layouts_max = 30;
constexpr int largest_category_shown = 1000;

Result<Made> net_made(Result<std::string> bytes) {
    return Made{TRY(std::move(bytes)), "application/octet-stream"};
}

Result<Frame> frame_of(const RevisionData& data, Axis axis) {
    return axis == Axis::obs ? data.sealed->obs() : data.sealed->var();
}

std::string_view name_of(Axis axis) { return axis == Axis::obs ? "obs" : "var"; }

/// The name under which the index is shown: "name_0", or the next that no column has.
std::string index_name(const Frame& frame) {
    for (int number = 0;; ++number) {
        std::string name = "name_" + std::to_string(number);
        if (frame.find(name) == nullptr) return name;
    }
}

Json column_json(const Column& column) {
    Json json{{"name", column.name}, {"type", net_type(column)}};
    if (json["type"] == "categorical") {
        const auto& categorical = std::get<Categorical>(column.values);
        json["categories"] = Json::array();
        for (std::size_t i = 0; i < categorical.category_count(); ++i)
            json["categories"].push_back(categorical.category_text(i));
    }
    json["writable"] = false;
    return json;
}

Json frame_json(const Frame& frame) {
    const std::string index = index_name(frame);
    Json json{{"index", index}, {"columns", Json::array()}};
    json["columns"].push_back({{"name", index}, {"type", "string"}, {"writable", false}});
    for (const Column& column : frame.columns) json["columns"].push_back(column_json(column));
    return json;
}

Result<std::vector<Embedding>> layouts(const RevisionData& data) {
    std::vector<Embedding> shown;
    for (Embedding& one : TRY(embeddings(*data.sealed)))
        if (fits_cellxgene(one) && shown.size() < layouts_max) shown.push_back(std::move(one));
    return shown;
}

/// "2" is 2; nothing for what isn't a number.
std::optional<double> number_of(std::string_view text) {
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// Whether a row's value passes, and which of the test's values it is.
class RowTest {
public:
    RowTest(const Frame& var, const RowFilter::Test& test)
        : var_(var), test_(test), column_(var.find(test.column)) {}

    bool passes(std::uint64_t row) {
        if (test_.minimum || test_.maximum) {
            const auto value = number_of(text(row));
            return value && (!test_.minimum || rounded(*value) >= rounded(*test_.minimum)) &&
                   (!test_.maximum || rounded(*value) <= rounded(*test_.maximum));
        }
        const std::string found = text(row);
        const auto at = std::find(test_.values.begin(), test_.values.end(), found);
        if (at == test_.values.end()) return false;
        seen_.insert(found);
        return true;
    }
    /// The first value that no row had.
    const std::string* unseen() const {
        if (test_.minimum || test_.maximum) return nullptr;
        for (const std::string& value : test_.values)
            if (seen_.count(value) == 0) return &value;
        return nullptr;
    }

private:
    std::string text(std::uint64_t row) const {
        return column_ == nullptr ? std::string(var_.index[row]) : column_->text(row);
    }
    /// As the column has it, so that its own values are within themselves however they are written.
    double rounded(double value) const {
        const auto* numbers =
            column_ == nullptr ? nullptr : std::get_if<expression::Array>(&column_->values);
        if (numbers == nullptr || numbers->type != expression::ValueType::float32) return value;
        return static_cast<float>(value);
    }
    const Frame& var_;
    const RowFilter::Test& test_;
    const Column* column_;  ///< null: the index
    std::set<std::string> seen_;
};

Result<std::vector<float>> gene_values(const expression::SealedMatrix& matrix, std::uint32_t gene) {
    std::vector<float> values(matrix.cell_count());
    TRY(matrix.read_gene_dense(gene, values));
    return values;
}

void add_floats(NetMatrix& net, const std::vector<float>& values, const CellxgeneStyle& style) {
    if (style.bins > 0)
        net.add_quantised(values, style.bins);
    else
        net.add(values);
}

}  // namespace

Result<Made> cellxgene_schema(const RevisionData& data) {
    const auto& summary = data.sealed->summary();
    Json schema;
    schema["dataframe"] = {{"nObs", summary.cells}, {"nVar", summary.genes}, {"type", "float32"}};
    schema["annotations"]["obs"] = frame_json(TRY(data.sealed->obs()));
    schema["annotations"]["var"] = frame_json(TRY(data.sealed->var()));
    schema["layout"]["obs"] = Json::array();
    for (const Embedding& one : TRY(layouts(data)))
        schema["layout"]["obs"].push_back(
            {{"name", one.name},
             {"type", "float32"},
             {"dims", Json::array({one.dim_name(0), one.dim_name(1)})}});
    return json_made({{"schema", schema}});
}

Result<Made> cellxgene_config(const RevisionData& data, std::string_view server_version) {
    const auto uns = TRY(data.sealed->annotations("uns"));
    Json config;
    config["displayNames"] = {{"engine", fmt::format("Stroma {}", server_version)},
                              {"dataset", title_of(uns)}};
    config["library_versions"] = {{"stroma", server_version}};
    config["links"] = Json::object();
    config["corpora_props"] = nullptr;
    config["limits"] = {{"column_request_max", cellxgene_columns_max},
                        {"diffexp_cellcount_max", nullptr}};
    Json& parameters = config["parameters"];
    parameters = {{"layout", Json::array()},
                  {"max-category-items", largest_category_shown},
                  {"obs_names", nullptr},
                  {"var_names", nullptr},
                  {"diffexp_lfc_cutoff", 0.01},
                  {"backed", false},
                  {"disable-diffexp", false},
                  {"diffexp-may-be-slow", false},
                  {"annotations", false},
                  {"annotations_file", nullptr},
                  {"annotations_dir", nullptr},
                  {"annotations-data-collection-name", nullptr},
                  {"annotations-data-collection-is-read-only", true},
                  {"annotations-user-data-idhash", nullptr},
                  {"user_annotation_collection_name_enabled", false},
                  {"annotations_genesets", true},
                  {"annotations_genesets_readonly", true},
                  {"annotations_genesets_name_is_read_only", true},
                  {"annotations_genesets_summary_methods", Json::array({"mean"})},
                  {"custom_colors", true},
                  {"about_legal_tos", nullptr},
                  {"about_legal_privacy", nullptr}};
    std::string wanted;
    for (const auto& [name, element] : uns)
        if (const auto* grid = std::get_if<expression::TextGrid>(&element.value);
            name == "default_embedding" && grid != nullptr && grid->texts.size() == 1)
            wanted = grid->texts[0];
    for (const Embedding& one : TRY(layouts(data))) {
        parameters["layout"].push_back(one.name);
        if (one.key == wanted || one.name == wanted) parameters["default_embedding"] = one.name;
    }
    return json_made({{"config", config}});
}

Result<Made> cellxgene_annotations(const RevisionData& data, Axis axis,
                                   const std::vector<std::string>& names,
                                   const CellxgeneStyle& style) {
    const Frame frame = TRY(frame_of(data, axis));
    const std::string index = index_name(frame);
    std::vector<std::string> wanted = names;
    if (wanted.empty()) {
        wanted.push_back(index);
        for (const Column& column : frame.columns) wanted.push_back(column.name);
    }
    if (wanted.size() > cellxgene_columns_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} columns are more than column_request_max ({}); name those "
                                "that are wanted by annotation-name",
                                wanted.size(), cellxgene_columns_max));
    NetMatrix net(frame.row_count());
    for (const std::string& name : wanted) {
        const Column* column = frame.find(name);
        if (column == nullptr && name != index)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} has no column '{}'", name_of(axis), name));
        if (column != nullptr)
            net.add(*column, style.with_dictionaries);
        else
            net.add(frame.index);
    }
    return net_made(net.named(wanted));
}

Result<Made> cellxgene_layout(const RevisionData& data, const std::vector<std::string>& names,
                              const CellxgeneStyle& style) {
    const auto known = TRY(layouts(data));
    if (known.empty())
        return fail(ErrorCode::unsupported, "this revision has no embedding that can be shown");
    std::vector<const Embedding*> wanted;
    for (const Embedding& one : known)
        if (names.empty()) wanted.push_back(&one);
    for (const std::string& name : names) {
        const auto found = std::find_if(known.begin(), known.end(),
                                        [&](const Embedding& one) { return one.name == name; });
        if (found == known.end())
            return fail(ErrorCode::invalid_input,
                        fmt::format("there is no layout '{}'; see schema", name));
        wanted.push_back(&*found);
    }
    NetMatrix net(data.sealed->summary().cells);
    std::vector<std::string> columns;
    for (const Embedding* one : wanted) {
        const auto square = unit_square(*one);
        for (std::uint64_t dim = 0; dim < 2; ++dim) {
            add_floats(net, square[dim], style);
            columns.push_back(one->dim_name(dim));
        }
    }
    return net_made(net.named(columns));
}

Result<std::vector<std::uint32_t>> rows_matching(const RevisionData& data, Axis axis,
                                                 const RowFilter& filter) {
    const std::string_view row_name = axis == Axis::obs ? "cell" : "gene";
    const Frame frame = TRY(frame_of(data, axis));
    const std::string index = index_name(frame);
    if (filter.tests.empty() && !filter.has_index)
        return fail(ErrorCode::invalid_input,
                    fmt::format("no {} is asked for; say which, like {}:{}=…", row_name,
                                name_of(axis), index));
    std::vector<RowTest> tests;
    for (const RowFilter::Test& test : filter.tests) {
        if (test.column != index && frame.find(test.column) == nullptr)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} has no column '{}'", name_of(axis), test.column));
        tests.emplace_back(frame, test);
    }
    std::vector<bool> in_index(filter.has_index ? frame.row_count() : 0);
    for (const auto& [first, end] : filter.index) {
        if (first > end || end > frame.row_count())
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}s {} to {} are outside {}, which has {}", row_name, first,
                                    end, name_of(axis), frame.row_count()));
        std::fill(in_index.begin() + static_cast<std::ptrdiff_t>(first),
                  in_index.begin() + static_cast<std::ptrdiff_t>(end), true);
    }
    std::vector<std::uint32_t> rows;
    for (std::uint32_t row = 0; row < frame.row_count(); ++row) {
        bool passes = !filter.has_index || in_index[row];
        for (RowTest& test : tests) passes = test.passes(row) && passes;
        if (passes) rows.push_back(row);
    }
    for (std::size_t i = 0; i < tests.size(); ++i)
        if (const std::string* unseen = tests[i].unseen())
            return fail(ErrorCode::not_found, fmt::format("no {} has '{}' in {}", row_name, *unseen,
                                                          filter.tests[i].column));
    if (rows.empty())
        return fail(ErrorCode::not_found, fmt::format("no {} matches the filter", row_name));
    return rows;
}

Result<Made> cellxgene_genes(const RevisionData& data, const std::vector<std::uint32_t>& genes,
                             const CellxgeneStyle& style) {
    const auto matrix = TRY(data.sealed->matrix("X"));
    NetMatrix net(matrix->cell_count());
    for (const std::uint32_t gene : genes) add_floats(net, TRY(gene_values(*matrix, gene)), style);
    return net_made(net.numbered(genes));
}

Result<Made> cellxgene_mean(const RevisionData& data, const std::vector<std::uint32_t>& genes,
                            const std::string& column, const CellxgeneStyle& style) {
    const auto matrix = TRY(data.sealed->matrix("X"));
    std::vector<float> mean(matrix->cell_count());
    TRY(matrix->read_gene_set_mean(genes, mean));
    NetMatrix net(matrix->cell_count());
    add_floats(net, mean, style);
    return net_made(net.named({column}));
}

Result<Made> cellxgene_comparison(const RevisionData& data, const RowFilter& a, const RowFilter& b,
                                  std::uint32_t count, const expression::Watch& watch) {
    const auto cells_a = TRY(rows_matching(data, Axis::obs, a));
    const auto cells_b = TRY(rows_matching(data, Axis::obs, b));
    const auto matrix = TRY(data.sealed->matrix("X"));
    expression::CellxgeneOptions options;
    options.count = count;
    const auto compared =
        TRY(expression::compare_as_cellxgene(*matrix, cells_a, cells_b, options, watch));
    Json json;
    for (const auto& [name, rows] :
         {std::pair("positive", &compared.positive), std::pair("negative", &compared.negative)}) {
        json[name] = Json::array();
        for (const auto& row : *rows)
            json[name].push_back({row.gene, row.log_fold_change, row.p, row.p_adjusted});
    }
    return json_made(json);
}

}  // namespace stroma::explorer
