#include "matrix/snapshots.h"

#include <numeric>

#include "base/json.h"
#include "matrix/kept_selection.h"

namespace stroma::matrix {
namespace {

constexpr std::size_t listed_max = 1000;

tl::unexpected<Error> no_snapshot(std::string_view name) {
    return fail(ErrorCode::not_found, "there is no snapshot '" + std::string(name) +
                                          "'; name a dataset, dataset@revision or a result's id");
}

Json list_of(const std::vector<Difference::Cell>& cells) {
    Json list = Json::array();
    for (const auto& cell : cells)
        list.push_back({{"dataset", cell.dataset}, {"cell_id", cell.cell_id}});
    return list;
}

}  // namespace

Result<SelectionInput> Snapshots::input_of(const catalog::Dataset& dataset,
                                           std::string_view revision,
                                           std::vector<std::uint32_t> cells) {
    return SelectionInput{dataset.name, std::string(revision), TRY(open_(revision)),
                          std::move(cells)};
}

Result<std::vector<SelectionInput>> Snapshots::inputs_of(std::string_view name,
                                                         const catalog::Principal& principal) {
    const auto may_read = [&](const catalog::Dataset& dataset) {
        return catalog_.may(principal, catalog::Action::read,
                            {catalog::ThingKind::dataset, dataset.id, dataset.owner});
    };
    std::vector<SelectionInput> inputs;
    const std::string id(name.substr(0, name.find('.')));
    if (const auto kept = TRY(requests_.selection(id))) {
        const auto selection = TRY(find_kept_selection(objects_, id));
        if (!selection) return no_snapshot(name);
        for (const auto& part : selection->cells) {
            const auto dataset = TRY(catalog_.find_dataset(part.dataset));
            if (!dataset || !TRY(may_read(*dataset))) return no_snapshot(name);
            inputs.push_back(TRY(input_of(*dataset, part.revision, part.cells)));
        }
        return inputs;
    }
    const std::size_t sign = name.find('@');
    const auto dataset = TRY(catalog_.find_dataset(name.substr(0, sign)));
    if (!dataset || dataset->withdrawn || !TRY(may_read(*dataset))) return no_snapshot(name);
    for (const auto& revision : TRY(catalog_.revisions(dataset->id))) {
        if (revision.state != catalog::RevisionState::ready) continue;
        const bool is_it = sign == name.npos
                               ? revision.id == dataset->current_revision
                               : std::to_string(revision.number) == name.substr(sign + 1);
        if (!is_it) continue;
        std::vector<std::uint32_t> all(revision.cells);
        std::iota(all.begin(), all.end(), 0u);
        inputs.push_back(TRY(input_of(*dataset, revision.id, std::move(all))));
        return inputs;
    }
    return no_snapshot(name);
}

Result<std::string> Snapshots::difference(std::string_view before, std::string_view after,
                                          const catalog::Principal& principal,
                                          const expression::Watch& watch) {
    const auto old_inputs = TRY(inputs_of(before, principal));
    const auto new_inputs = TRY(inputs_of(after, principal));
    const Difference found = TRY(compare_snapshots(old_inputs, new_inputs, listed_max, watch));
    return Json{{"from", before},
                {"to", after},
                {"unchanged", found.unchanged},
                {"added", found.added},
                {"removed", found.removed},
                {"changed", found.changed},
                {"added_cells", list_of(found.added_cells)},
                {"removed_cells", list_of(found.removed_cells)},
                {"changed_cells", list_of(found.changed_cells)}}
        .dump();
}

}  // namespace stroma::matrix
