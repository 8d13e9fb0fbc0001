#include "app/demo/demo_data.h"

#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <numbers>

#include "app/demo/demo_counts.h"

namespace stroma::app {
namespace {

using namespace expression;

// Streams of random numbers for what is drawn beside the counts; see demo_counts.cpp.
constexpr std::uint64_t embedding_stream = (std::uint64_t{1} << 40) + 2;
constexpr std::uint64_t quality_stream = embedding_stream + 1;

struct Donor {
    std::string_view id, sex, disease, assay;
    std::int32_t age;
};
constexpr Donor donors[] = {
    {"D1", "female", "normal", "10x 3' v3", 31},
    {"D2", "male", "normal", "10x 3' v3", 45},
    {"D3", "female", "systemic lupus erythematosus", "10x 3' v3", 38},
    {"D4", "male", "normal", "10x 5' v2", 62},
    {"D5", "female", "systemic lupus erythematosus", "10x 5' v2", 27},
    {"D6", "male", "systemic lupus erythematosus", "10x 5' v2", 54},
};

/// A barcode of 16 bases: a mixing of 32 bits that can be undone, so no two cells share one.
std::string barcode(std::uint32_t cell) {
    std::uint32_t bits = (cell + 0x9E3779B9u) * 2654435761u;
    bits ^= bits >> 15;
    bits *= 2246822519u;
    bits ^= bits >> 13;
    std::string text;
    for (int base = 0; base < 16; ++base) text += "ACGT"[(bits >> (2 * base)) & 3];
    return text + "-1";
}

/// A categorical column whose categories are those that occur, in sorted order as pandas has them.
Column categorical(std::string name, const std::vector<std::string_view>& values) {
    std::vector<std::string_view> categories = values;
    std::sort(categories.begin(), categories.end());
    categories.erase(std::unique(categories.begin(), categories.end()), categories.end());
    Categorical column;
    TextArray texts;
    for (const auto category : categories) texts.push_back(category);
    column.categories = std::move(texts);
    for (const auto value : values)
        column.codes.push_back(static_cast<std::int32_t>(
            std::lower_bound(categories.begin(), categories.end(), value) - categories.begin()));
    return {std::move(name), std::move(column), {}};
}

template <class T>
Column numbers(std::string name, const std::vector<T>& values) {
    return {std::move(name), Array::of(values), {}};
}

Column booleans(std::string name, const std::vector<std::uint8_t>& values) {
    Array array = Array::of(values);
    array.type = ValueType::boolean;
    return {std::move(name), std::move(array), {}};
}

template <class Text>
Column labels(const DemoModel& model, std::string name, Text&& text_of) {
    std::vector<std::string_view> values;
    for (const auto& cell : model.cells) values.push_back(text_of(cell));
    return categorical(std::move(name), values);
}

void add_quality(Frame& obs, const DemoModel& model) {
    DemoRandom random(model.shape.seed, quality_stream);
    std::vector<float> mitochondrial;
    std::vector<double> doublet_scores;
    std::vector<std::uint8_t> is_doublet;
    std::vector<std::int32_t> totals(model.totals.begin(), model.totals.end());
    std::vector<std::int32_t> lengths(model.lengths.begin(), model.lengths.end());
    for (std::size_t i = 0; i < model.cells.size(); ++i) {
        const double total = std::max<double>(1, model.totals[i]);
        mitochondrial.push_back(static_cast<float>(100 * model.mitochondrial[i] / total));
        doublet_scores.push_back(std::pow(random.uniform(), 4));
        is_doublet.push_back(doublet_scores.back() > 0.85);
    }
    obs.columns.push_back(numbers("n_counts", totals));
    obs.columns.push_back(numbers("n_genes", lengths));
    obs.columns.push_back(numbers("percent_mito", mitochondrial));
    obs.columns.push_back(numbers("doublet_score", doublet_scores));
    obs.columns.push_back(booleans("is_doublet", is_doublet));
}

Frame make_obs(const DemoModel& model) {
    Frame obs;
    obs.index_name = "barcode";
    const auto& types = demo_cell_types();
    std::vector<std::int32_t> ages;
    for (std::uint32_t i = 0; i < model.cells.size(); ++i) {
        obs.index.push_back(barcode(i));
        ages.push_back(donors[model.cells[i].donor].age);
    }
    obs.columns.push_back(
        labels(model, "cell_type", [&](const DemoCell& cell) { return types[cell.type].name; }));
    obs.columns.push_back(labels(model, "cell_type_ontology_term_id", [&](const DemoCell& cell) {
        return types[cell.type].ontology_id;
    }));
    const auto add = [&](std::string name, std::string_view Donor::*member) {
        obs.columns.push_back(labels(model, std::move(name), [member](const DemoCell& cell) {
            return donors[cell.donor].*member;
        }));
    };
    add("donor_id", &Donor::id);
    add("sex", &Donor::sex);
    add("disease", &Donor::disease);
    add("assay", &Donor::assay);
    obs.columns.push_back(numbers("age", ages));
    obs.columns.push_back(labels(model, "tissue", [](const DemoCell& cell) {
        return std::string_view(cell.donor % 3 == 2 ? "bone marrow" : "blood");
    }));
    add_quality(obs, model);
    return obs;
}

Frame make_var(const std::vector<std::string>& names) {
    Frame var;
    var.index_name = "gene_name";
    TextArray ids;
    std::vector<std::uint8_t> mitochondrial;
    for (std::size_t gene = 0; gene < names.size(); ++gene) {
        var.index.push_back(names[gene]);
        ids.push_back(fmt::format("DEMOG{:08}", gene + 1));
        mitochondrial.push_back(names[gene].starts_with("MT-"));
    }
    var.columns.push_back({"gene_id", std::move(ids), {}});
    var.columns.push_back(booleans("mitochondrial", mitochondrial));
    return var;
}

/// Each type around its own point, far from the others'; donors a little apart.
Element embedding(const DemoModel& model, std::size_t dimensions, double distance, double spread) {
    DemoRandom random(model.shape.seed, embedding_stream + dimensions);
    std::vector<float> values;
    for (const auto& cell : model.cells)
        for (std::size_t d = 0; d < dimensions; ++d) {
            const double angle = 2 * std::numbers::pi * static_cast<double>(cell.type) /
                                 static_cast<double>(demo_cell_types().size());
            const double turned = angle * static_cast<double>(d / 2 + 1);
            const double centre = distance * (d % 2 == 0 ? std::cos(turned) : std::sin(turned)) /
                                  static_cast<double>(d / 2 + 1);
            const double shift = 0.1 * spread * static_cast<double>(cell.donor);
            values.push_back(static_cast<float>(centre + shift + spread * random.normal()));
        }
    Array array = Array::of(values);
    array.shape = {model.cells.size(), dimensions};
    return {std::move(array)};
}

Dict make_uns() {
    // In the order of the categories, as scanpy keeps colours.
    std::vector<std::pair<std::string_view, std::string_view>> colours;
    for (const auto& type : demo_cell_types()) colours.emplace_back(type.name, type.colour);
    std::sort(colours.begin(), colours.end());
    TextGrid grid{{colours.size()}, {}};
    for (const auto& [name, colour] : colours) grid.texts.push_back(colour);
    Dict uns;
    uns.emplace_back("cell_type_colors", Element{std::move(grid)});
    uns.emplace_back("title", Element{TextGrid{{}, {"Made-up blood cells of six donors"}}});
    uns.emplace_back("made_by", Element{TextGrid{{}, {"stroma demo"}}});
    return uns;
}

}  // namespace

AnnotatedData make_demo_data(const DemoShape& shape) {
    constexpr std::uint32_t genes_min = 100;
    assert(shape.genes >= genes_min && shape.cells > 0);
    const auto names = demo_gene_names(shape.genes);
    const auto model = make_demo_model(shape, names);
    AnnotatedData data;
    data.obs = make_obs(*model);
    data.var = make_var(names);
    data.matrices.push_back({"X", Unit::counts, demo_matrix(model, DemoValues::counts)});
    data.matrices.push_back({"layers/log_normalised", Unit::normalised,
                             demo_matrix(model, DemoValues::log_normalised)});
    data.obsm.emplace_back("X_pca", embedding(*model, 10, 12, 1.5));
    data.obsm.emplace_back("X_umap", embedding(*model, 2, 10, 1.0));
    data.uns = make_uns();
    return data;
}

}  // namespace stroma::app
