#include "app/demo/demo_counts.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <set>

#include "base/threads.h"

namespace stroma::app {
namespace {

// Streams of random numbers beside the cells' own, which are numbered from 0.
constexpr std::uint64_t cells_stream = std::uint64_t{1} << 40, genes_stream = cells_stream + 1;
constexpr double dispersion = 0.35, marker_fold = 12, program_fold = 4, program_share = 0.03;

/// Counts of one gene in one cell: negative binomial with mean `mean` and size 1 / dispersion, by
/// inversion, so that one uniform number is one count.
std::uint32_t draw_count(double mean, double uniform) {
    constexpr double size = 1 / dispersion;
    const double ratio = mean / (size + mean);
    double probability = std::exp(size * std::log1p(-ratio));
    std::uint32_t count = 0;
    constexpr std::uint32_t count_max = 20'000;
    for (double sum = probability; uniform > sum && count < count_max; sum += probability) {
        probability *= (count + size) / (count + 1) * ratio;
        ++count;
    }
    return count;
}

template <class Visit>
void draw_cell(const DemoModel& model, std::uint64_t cell, Visit&& visit) {
    DemoRandom random(model.shape.seed, cell);
    const auto& [type, donor, depth] = model.cells[cell];
    const auto& shares = model.gene_shares[type];
    for (std::uint32_t gene = 0; gene < shares.size(); ++gene) {
        const std::uint32_t count = draw_count(depth * shares[gene], random.uniform());
        if (count > 0) visit(gene, count);
    }
}

void choose_cells(DemoModel& model) {
    DemoRandom random(model.shape.seed, cells_stream);
    const auto& types = demo_cell_types();
    constexpr std::size_t donor_count = 6;
    // A panel of few genes is read deeply; a whole transcriptome gives what a droplet gives.
    const double molecules = 1.1 * std::min(model.shape.genes, 5000u);
    for (std::uint32_t i = 0; i < model.shape.cells; ++i) {
        DemoCell cell;
        double left = random.uniform();
        while (cell.type + 1 < types.size() && left > types[cell.type].share)
            left -= types[cell.type++].share;
        cell.donor = random.below(donor_count);
        cell.depth = molecules * std::exp(0.35 * random.normal());
        model.cells.push_back(cell);
    }
}

void choose_genes(DemoModel& model, const std::vector<std::string>& names) {
    DemoRandom random(model.shape.seed, genes_stream);
    std::vector<double> base;
    for (const auto& name : names) {
        double level = std::exp(1.5 * random.normal());
        if (name.starts_with("RPL") || name.starts_with("RPS")) level = 25;
        if (name.starts_with("MT-")) level = 8;
        base.push_back(level);
    }
    for (const auto& type : demo_cell_types()) {
        const std::set<std::string_view> markers(type.markers.begin(), type.markers.end());
        std::vector<double> shares = base;
        double sum = 0;
        for (std::size_t gene = 0; gene < shares.size(); ++gene) {
            const bool is_of_program = random.uniform() < program_share;
            if (is_of_program) shares[gene] *= program_fold;
            if (markers.contains(names[gene])) shares[gene] = marker_fold;
            sum += shares[gene];
        }
        for (auto& share : shares) share /= sum;
        model.gene_shares.push_back(std::move(shares));
    }
}

/// A marker is nearly silent where it marks nothing.
void silence_markers(DemoModel& model, const std::vector<std::string>& names) {
    std::set<std::string_view> all;
    for (const auto& type : demo_cell_types()) all.insert(type.markers.begin(), type.markers.end());
    for (std::size_t t = 0; t < model.gene_shares.size(); ++t) {
        const auto& own = demo_cell_types()[t].markers;
        for (std::size_t gene = 0; gene < names.size(); ++gene) {
            const bool is_own = std::find(own.begin(), own.end(), names[gene]) != own.end();
            if (all.contains(names[gene]) && !is_own) model.gene_shares[t][gene] = 2e-5;
        }
    }
}

void count_cells(DemoModel& model, const std::vector<std::string>& names) {
    const std::size_t cells = model.cells.size();
    model.totals.resize(cells);
    model.lengths.resize(cells);
    model.mitochondrial.resize(cells);
    std::vector<bool> is_mitochondrial;
    for (const auto& name : names) is_mitochondrial.push_back(name.starts_with("MT-"));
    constexpr std::size_t cells_a_piece = 256;
    const auto done = parallel_for(
        (cells + cells_a_piece - 1) / cells_a_piece, [&](std::size_t piece) -> Result<void> {
            const std::size_t end = std::min(cells, (piece + 1) * cells_a_piece);
            for (std::size_t cell = piece * cells_a_piece; cell < end; ++cell)
                draw_cell(model, cell, [&](std::uint32_t gene, std::uint32_t count) {
                    model.totals[cell] += count;
                    model.lengths[cell] += 1;
                    if (is_mitochondrial[gene]) model.mitochondrial[cell] += count;
                });
            return {};
        });
    assert(done);
}

class DemoMatrix final : public expression::MatrixSource {
public:
    DemoMatrix(std::shared_ptr<const DemoModel> model, DemoValues values)
        : model_(std::move(model)), values_(values) {}

    std::uint64_t cell_count() const override { return model_->cells.size(); }
    std::uint64_t gene_count() const override { return model_->shape.genes; }
    expression::ValueType value_type() const override { return expression::ValueType::float32; }
    expression::Order order() const override { return expression::Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 256; }
    std::optional<std::uint64_t> nonzero_count() const override {
        std::uint64_t sum = 0;
        for (const auto length : model_->lengths) sum += length;
        return sum;
    }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override {
        return model_->lengths;
    }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count,
                            expression::LineBlock& out) override;

private:
    std::shared_ptr<const DemoModel> model_;
    DemoValues values_;
};

Result<void> DemoMatrix::read_lines(std::uint64_t first, std::uint64_t count,
                                    expression::LineBlock& out) {
    assert(first + count <= cell_count());
    out.first_line = first;
    out.starts.assign(1, 0);
    out.places.clear();
    std::vector<float> values;
    for (std::uint64_t cell = first; cell < first + count; ++cell) {
        const double scale = 1e4 / std::max<double>(1, model_->totals[cell]);
        draw_cell(*model_, cell, [&](std::uint32_t gene, std::uint32_t molecules) {
            out.places.push_back(gene);
            values.push_back(values_ == DemoValues::counts
                                 ? static_cast<float>(molecules)
                                 : static_cast<float>(std::log1p(molecules * scale)));
        });
        out.starts.push_back(out.places.size());
    }
    const auto bytes = std::as_bytes(std::span(values));
    out.values.assign(bytes.begin(), bytes.end());
    return {};
}

std::uint64_t split_mix(std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15;
    std::uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
}

}  // namespace

DemoRandom::DemoRandom(std::uint64_t seed, std::uint64_t stream) {
    std::uint64_t state = seed;
    state = split_mix(state) ^ stream;
    for (auto& word : state_) word = split_mix(state);
}

std::uint64_t DemoRandom::next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

double DemoRandom::uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1.0p-53; }

double DemoRandom::normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
}

std::shared_ptr<const DemoModel> make_demo_model(const DemoShape& shape,
                                                 const std::vector<std::string>& gene_names) {
    auto model = std::make_shared<DemoModel>();
    model->shape = shape;
    choose_cells(*model);
    choose_genes(*model, gene_names);
    silence_markers(*model, gene_names);
    count_cells(*model, gene_names);
    return model;
}

std::unique_ptr<expression::MatrixSource> demo_matrix(std::shared_ptr<const DemoModel> model,
                                                      DemoValues values) {
    return std::make_unique<DemoMatrix>(std::move(model), values);
}

}  // namespace stroma::app
