#include "sample_data.h"

#include <limits>

#include "expression/output/memory_matrix.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t raw_genes_more = 3;

float count_of(std::uint64_t cell, std::uint64_t gene) {
    if ((cell * 7 + gene * 13) % 5 != 0) return 0;
    return static_cast<float>((cell * 31 + gene * 17) % 23 + 1);
}

TextArray names(std::string_view prefix, std::uint64_t count) {
    TextArray texts;
    for (std::uint64_t i = 0; i < count; ++i)
        texts.push_back(std::string(prefix) + std::to_string(i));
    return texts;
}

template <class T, class Value>
Array numbers(std::uint64_t count, Value value) {
    Array array{value_type_of<T>(), {count}, Bytes(count * sizeof(T))};
    for (std::uint64_t i = 0; i < count; ++i) array.data<T>()[i] = static_cast<T>(value(i));
    return array;
}

Column column(std::string name, std::variant<Array, TextArray, Categorical> values) {
    return {std::move(name), std::move(values), std::nullopt};
}

Column masked(std::string name, std::variant<Array, TextArray, Categorical> values,
              std::uint64_t every) {
    Column made{std::move(name), std::move(values), std::nullopt};
    std::vector<bool> missing(made.size());
    for (std::size_t i = 0; i < missing.size(); ++i) missing[i] = i % every == 1;
    made.missing = std::move(missing);
    return made;
}

Categorical codes(std::uint64_t rows, std::uint64_t step, TextArray categories, bool ordered) {
    Categorical made;
    const auto count = static_cast<std::int32_t>(categories.size());
    for (std::uint64_t i = 0; i < rows; ++i)
        made.codes.push_back(static_cast<std::int32_t>(i * step % (count + 1)) - 1);
    made.categories = std::move(categories);
    made.ordered = ordered;
    return made;
}

TextArray odd_texts(std::uint64_t rows) {
    static constexpr std::string_view odd[] = {"plain",       "comma, inside", "quote \" inside",
                                               "line\nbreak", "naïve é 細胞",  "=1+1",
                                               "@at",         "-minus",        "tab\tinside"};
    TextArray texts;
    for (std::uint64_t i = 0; i < rows; ++i) texts.push_back(odd[i % std::size(odd)]);
    return texts;
}

Frame rich_obs(std::uint64_t cells) {
    Frame obs;
    obs.index = names("cell-", cells);
    obs.columns.push_back(column(
        "cell_type", codes(cells, 1, {"T cell", "B, \"cell\"", "=cmd|x", "naïve é"}, false)));
    obs.columns.push_back(column("stage", codes(cells, 2, {"late", "early", "mid"}, true)));
    Categorical lanes;
    for (std::uint64_t i = 0; i < cells; ++i) lanes.codes.push_back(static_cast<int>(i % 2));
    lanes.categories = Array::of(std::vector<std::int64_t>{40, 7});
    obs.columns.push_back(column("lane", lanes));
    obs.columns.push_back(
        column("n_genes", numbers<std::int64_t>(cells, [](auto i) { return i * 1000 + 7; })));
    obs.columns.push_back(column("fraction", numbers<float>(cells, [](auto i) {
                                     return i % 4 == 2 ? std::numeric_limits<double>::quiet_NaN()
                                                       : 0.1 * static_cast<double>(i);
                                 })));
    obs.columns.push_back(
        column("is_good", numbers<bool>(cells, [](auto i) { return i % 3 == 0; })));
    obs.columns.push_back(column("note", odd_texts(cells)));
    obs.columns.push_back(
        masked("maybe_count", numbers<std::int32_t>(cells, [](auto i) { return i * 2; }), 3));
    obs.columns.push_back(
        masked("maybe_flag", numbers<bool>(cells, [](auto i) { return i % 2 == 0; }), 4));
    obs.columns.push_back(masked("maybe_text", odd_texts(cells), 5));
    obs.columns.push_back(
        column("per/cent", numbers<std::uint8_t>(cells, [](auto i) { return i % 100; })));
    obs.columns.push_back(column("barcode", names("ACGT", cells)));
    return obs;
}

Frame rich_var(std::uint64_t genes) {
    Frame var;
    var.index_name = "featurekey";
    var.index = names("ENSG", genes);
    TextArray gene_names;
    for (std::uint64_t i = 0; i < genes; ++i)
        gene_names.push_back(i % 4 == 3 ? "TWICE" : "GENE\"" + std::to_string(i) + ", α");
    var.columns.push_back(column("featurename", gene_names));
    var.columns.push_back(column("featuretype", codes(genes, 1, {"protein_coding"}, false)));
    var.columns.push_back(
        column("featurestart", numbers<std::int64_t>(genes, [](auto i) { return i * 100; })));
    var.columns.push_back(column("isgene", numbers<bool>(genes, [](auto) { return true; })));
    return var;
}

Array grid(std::uint64_t rows, std::uint64_t columns, double scale) {
    Array array =
        numbers<float>(rows * columns, [&](auto i) { return scale * static_cast<double>(i) - 1; });
    array.shape = {rows, columns};
    return array;
}

/// The identity with `scale` on the diagonal.
SparseArray diagonal(std::uint64_t size, bool by_row, double scale) {
    SparseArray matrix;
    matrix.by_row = by_row;
    matrix.rows = matrix.columns = size;
    matrix.data = numbers<double>(size, [&](auto i) { return scale * static_cast<double>(i + 1); });
    matrix.indices = numbers<std::int32_t>(size, [](auto i) { return i; });
    matrix.indptr = numbers<std::int32_t>(size + 1, [](auto i) { return i; });
    return matrix;
}

Array scalar(Array one) {
    one.shape = {};
    return one;
}

Dict rich_uns() {
    Dict uns;
    uns.push_back({"title", {TextGrid{{}, {"Größe, \"quoted\""}}}});
    uns.push_back({"count", {scalar(Array::of(std::vector<std::int64_t>{42}))}});
    uns.push_back({"ratio", {scalar(Array::of(std::vector<double>{0.25}))}});
    uns.push_back({"yes", {scalar(numbers<bool>(1, [](auto) { return true; }))}});
    uns.push_back({"nothing", {}});
    uns.push_back({"small", {Array::of(std::vector<std::int16_t>{-3, 0, 300})}});
    uns.push_back({"colours", {TextGrid{{3}, {"#ff0000", "", "blå"}}}});
    uns.push_back({"table", {TextGrid{{2, 2}, {"a", "b", "c", "dd"}}}});
    uns.push_back({"cube", {Array{ValueType::uint8, {2, 1, 2}, to_bytes("\1\2\3\4")}}});
    Dict inner;
    inner.push_back({"deeper", {Dict{{"x", {Array::of(std::vector<double>{1, 2})}}}}});
    inner.push_back({"empty", {Dict{}}});
    uns.push_back({"nested", {std::move(inner)}});
    Records records;
    records.fields.push_back(column("group 1", TextArray{"GATA1", "é"}));
    records.fields.push_back(column("score", Array::of(std::vector<float>{1.5F, -2})));
    uns.push_back({"ranked", {std::move(records)}});
    uns.push_back({"labels", {column("labels", codes(4, 1, {"x", "y"}, true))}});
    Frame frame;
    frame.index = names("row", 2);
    frame.columns.push_back(column("value", Array::of(std::vector<std::int64_t>{5, 6})));
    uns.push_back({"frame", {std::move(frame)}});
    return uns;
}

}  // namespace

AnnotatedData rich_sample(std::uint64_t cells, std::uint64_t genes, bool dense) {
    AnnotatedData data;
    data.obs = rich_obs(cells);
    data.var = rich_var(genes);
    data.matrices.push_back(
        {"X", Unit::counts, matrix_of<float>(cells, genes, count_of, {.dense = dense})});
    data.matrices.push_back(
        {"layers/half", Unit::normalised,
         matrix_of<double>(cells, genes,
                           [](auto c, auto g) { return static_cast<double>(count_of(c, g)) / 8; },
                           {.tells_lengths = false})});
    data.matrices.push_back(
        {"raw.X", Unit::counts,
         matrix_of<std::int32_t>(cells, genes + raw_genes_more, [](auto c, auto g) {
             return static_cast<std::int32_t>(count_of(c, g));
         })});
    data.raw_var = rich_var(genes + raw_genes_more);
    data.obsm.push_back({"X_umap", {grid(cells, 2, 0.5)}});
    Frame frame;
    frame.index = data.obs.index;
    frame.columns.push_back(
        column("q", numbers<std::int64_t>(cells, [](auto i) { return i + 1; })));
    data.obsm.push_back({"frame", {std::move(frame)}});
    data.varm.push_back({"PCs", {grid(genes, 3, 2)}});
    data.raw_varm.push_back({"PCs", {grid(genes + raw_genes_more, 1, 2)}});
    data.obsp.push_back({"distances", {diagonal(cells, true, 1)}});
    data.varp.push_back({"correlation", {diagonal(genes, false, 0.5)}});
    data.uns = rich_uns();
    return data;
}

AnnotatedData plain_sample(std::uint64_t cells, std::uint64_t genes) {
    AnnotatedData data;
    data.obs.index = names("cell-", cells);
    data.var.index = names("ENSG", genes);
    data.matrices.push_back({"X", Unit::counts, matrix_of<float>(cells, genes, count_of)});
    return data;
}

}  // namespace stroma::expression
