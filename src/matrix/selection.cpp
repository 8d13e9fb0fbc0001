#include "matrix/selection.h"

#include <algorithm>
#include <utility>

#include "matrix/stacked_frame.h"

namespace stroma::matrix {
namespace {

using expression::AnnotatedData;
using expression::Array;
using expression::Column;
using expression::Dict;
using expression::Element;
using expression::Frame;
using expression::SelectionPart;
using expression::TextArray;

bool takes_every_cell(const SelectionInput& input) {
    return input.cells.size() == input.sealed->summary().cells;  // they rise, so they are all
}

Column dataset_column(const std::vector<SelectionInput>& inputs) {
    expression::Categorical names;
    TextArray categories;
    for (const SelectionInput& input : inputs) {
        const auto code = static_cast<std::int32_t>(categories.size());
        categories.push_back(input.dataset_name);
        names.codes.insert(names.codes.end(), input.cells.size(), code);
    }
    names.categories = std::move(categories);
    return Column{"dataset", std::move(names), std::nullopt};
}

Result<Frame> own_obs(const std::vector<SelectionInput>& inputs) {
    std::vector<Frame> frames;
    std::vector<std::string> labels;
    for (const SelectionInput& input : inputs) {
        const auto obs = input.obs != nullptr
                             ? input.obs
                             : std::make_shared<const Frame>(TRY(input.sealed->obs()));
        frames.push_back(takes_every_cell(input) ? *obs : obs->take(input.cells));
        labels.push_back(input.dataset_name);
    }
    Frame stacked = stack_frames(frames, labels);
    if (inputs.size() > 1 && stacked.find("dataset") == nullptr)
        stacked.columns.push_back(dataset_column(inputs));
    return stacked;
}

Result<Frame> genes_of(const SelectionInput& input, const std::string& matrix) {
    if (matrix != "raw.X") return input.sealed->var();
    auto raw_var = TRY(input.sealed->raw_var());
    if (!raw_var)
        return fail(ErrorCode::not_found, "dataset '" + input.dataset_name + "' has no raw matrix");
    return *std::move(raw_var);
}

/// One matrix of every input stacked; nothing when an input lacks it.
Result<std::optional<expression::NamedMatrix>> stacked_matrix(
    const std::vector<SelectionInput>& inputs, const std::string& name, const GeneSpace& genes) {
    std::vector<SelectionPart> parts;
    expression::NamedMatrix stacked{name, expression::Unit::unknown, nullptr};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto* summary = inputs[i].sealed->summary().find(name);
        if (summary == nullptr) return std::nullopt;
        stacked.unit =
            i == 0 || stacked.unit == summary->unit ? summary->unit : expression::Unit::unknown;
        parts.push_back(
            {TRY(inputs[i].sealed->matrix(name)), inputs[i].cells, genes.output_gene[i]});
    }
    stacked.source = expression::select_cells(std::move(parts), genes.var.row_count());
    return stacked;
}

/// obsm of the inputs one under another, where all have it as numbers of one type and width.
Result<Dict> stacked_obsm(const std::vector<SelectionInput>& inputs) {
    std::vector<Dict> own;
    for (const SelectionInput& input : inputs) {
        Dict dict = TRY(input.sealed->annotations("obsm"));
        if (!takes_every_cell(input))
            for (auto& [name, element] : dict) element = take_rows(element, input.cells);
        own.push_back(std::move(dict));
    }
    if (own.size() == 1) return std::move(own[0]);
    Dict stacked;
    for (auto& [name, first] : own[0]) {
        Array* array = std::get_if<Array>(&first.value);
        bool fits = array != nullptr && array->shape.size() == 2;
        for (std::size_t i = 1; fits && i < own.size(); ++i) {
            const Element all{own[i]};
            const Element* next = all.find(name);
            const Array* more = next == nullptr ? nullptr : std::get_if<Array>(&next->value);
            fits = more != nullptr && more->shape.size() == 2 && more->type == array->type &&
                   more->shape[1] == array->shape[1];
            if (!fits) break;
            array->shape[0] += more->shape[0];
            array->bytes.insert(array->bytes.end(), more->bytes.begin(), more->bytes.end());
        }
        if (fits) stacked.emplace_back(name, std::move(first));
    }
    return stacked;
}

Dict measured_masks(const std::vector<SelectionInput>& inputs, const GeneSpace& genes) {
    Dict masks;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto& has = genes.measured[i];
        Array mask{expression::ValueType::boolean, {has.size()}, Bytes(has.size())};
        for (std::size_t gene = 0; gene < has.size(); ++gene)
            mask.bytes[gene] = has[gene] ? std::byte{1} : std::byte{0};
        masks.emplace_back(inputs[i].dataset_name, Element{std::move(mask)});
    }
    return masks;
}

/// What only one dataset in its own gene space can keep: raw, varm, obsp, varp.
Result<void> carry_over(const SelectionInput& input, bool all_genes, AnnotatedData& data) {
    data.obsp = TRY(input.sealed->annotations("obsp"));
    if (!takes_every_cell(input))
        for (auto& [name, element] : data.obsp)
            element = take_rows_and_columns(element, input.cells);
    if (!all_genes) return {};
    data.varm = TRY(input.sealed->annotations("varm"));
    data.varp = TRY(input.sealed->annotations("varp"));
    if (input.sealed->summary().find("raw.X") == nullptr) return {};
    data.raw_var = TRY(input.sealed->raw_var());
    data.raw_varm = TRY(input.sealed->annotations("raw_varm"));
    GeneSpace own;
    own.var.index = data.raw_var ? data.raw_var->index : TextArray{};
    own.output_gene.emplace_back();
    auto raw = TRY(stacked_matrix({input}, "raw.X", own));
    if (raw) data.matrices.push_back(*std::move(raw));
    return {};
}

Result<void> add_layers(const std::vector<SelectionInput>& inputs, const GeneSpace& genes,
                        AnnotatedData& data) {
    for (const auto& matrix : inputs[0].sealed->summary().matrices) {
        if (!matrix.name.starts_with("layers/")) continue;
        auto layer = TRY(stacked_matrix(inputs, matrix.name, genes));
        if (layer) data.matrices.push_back(*std::move(layer));
    }
    return {};
}

}  // namespace

Result<AnnotatedData> build_selection(const std::vector<SelectionInput>& inputs,
                                      const SelectionOptions& options) {
    AnnotatedData data;
    data.obs = options.obs != nullptr ? *options.obs : TRY(own_obs(inputs));
    std::vector<Frame> vars;
    for (const SelectionInput& input : inputs) vars.push_back(TRY(genes_of(input, options.matrix)));
    const GeneSpace genes = TRY(join_genes(vars, options.genes));
    data.var = genes.var;
    if (inputs.empty()) {
        data.matrices.push_back({"X", expression::Unit::unknown, expression::select_cells({}, 0)});
        return data;
    }
    auto main = TRY(stacked_matrix(inputs, options.matrix, genes));
    if (!main)
        return fail(ErrorCode::not_found,
                    "a selected dataset has no matrix '" + options.matrix + "'");
    main->name = std::string(1, 'X');  // assigning a literal trips a warning of GCC 12
    data.matrices.push_back(*std::move(main));
    data.obsm = TRY(stacked_obsm(inputs));
    if (inputs.size() == 1)
        data.uns = TRY(inputs[0].sealed->annotations("uns"));
    else
        data.uns.emplace_back("measured_in", Element{measured_masks(inputs, genes)});
    if (!options.with_layers || options.matrix != "X") return data;
    TRY(add_layers(inputs, genes, data));
    if (inputs.size() == 1) TRY(carry_over(inputs[0], genes.output_gene[0].empty(), data));
    return data;
}

}  // namespace stroma::matrix
