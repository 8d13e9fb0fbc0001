#include "matrix/kept_selection.h"

#include <cstring>

namespace stroma::matrix {
namespace {

using expression::Array;
using expression::Dict;
using expression::Element;
using expression::TextArray;
using expression::TextGrid;
using expression::ValueType;

Element text_element(const std::string& text) { return {TextGrid{{}, TextArray{text}}}; }

std::string text_in(const Element& part, std::string_view name) {
    const Element* found = part.find(name);
    const auto* grid = found == nullptr ? nullptr : std::get_if<TextGrid>(&found->value);
    return grid == nullptr || grid->texts.empty() ? "" : std::string(grid->texts[0]);
}

Element cells_element(const std::vector<std::uint32_t>& cells) {
    Array array{ValueType::uint32, {cells.size()}, Bytes(cells.size() * sizeof(std::uint32_t))};
    std::memcpy(array.bytes.data(), cells.data(), array.bytes.size());
    return {std::move(array)};
}

Result<warehouse::SelectedCells> part_in(const Element& element) {
    warehouse::SelectedCells part{text_in(element, "dataset"), text_in(element, "revision"), {}};
    const Element* found = element.find("cells");
    const auto* cells = found == nullptr ? nullptr : std::get_if<Array>(&found->value);
    if (part.revision.empty() || cells == nullptr || cells->type != ValueType::uint32)
        return fail(ErrorCode::corrupt, "a kept selection lacks a part's revision or cells");
    part.cells.resize(cells->bytes.size() / sizeof(std::uint32_t));
    std::memcpy(part.cells.data(), cells->bytes.data(), cells->bytes.size());
    return part;
}

}  // namespace

std::string kept_selection_key(std::string_view id) { return "selections/" + std::string(id); }

Result<void> keep_selection(object::ObjectStore& objects, std::string_view id,
                            const Selection& selection, const fs::path& scratch) {
    expression::AnnotatedData data;
    data.obs = *selection.obs;
    data.var = *selection.var;
    for (const auto& part : selection.cells)
        data.uns.emplace_back(std::to_string(data.uns.size()),
                              Element{Dict{{"dataset", text_element(part.dataset)},
                                           {"revision", text_element(part.revision)},
                                           {"cells", cells_element(part.cells)}}});
    TRY(remove_file(scratch));
    {
        File file = TRY(File::create(scratch));
        TRY(expression::seal_dataset(data, file, {}, {}));
    }
    TRY(objects.put_file(kept_selection_key(id), scratch, {}));
    return {};
}

Result<std::optional<Selection>> find_kept_selection(object::ObjectStore& objects,
                                                     std::string_view id) {
    auto reader = objects.open(kept_selection_key(id));
    if (!reader && reader.error().code == ErrorCode::not_found) return std::nullopt;
    if (!reader) return fail(reader.error());
    const auto sealed = TRY(expression::SealedDataset::open(std::move(*reader)));
    Selection selection;
    selection.obs = TRY(sealed->obs());
    selection.var = TRY(sealed->var());
    for (const auto& [number, element] : TRY(sealed->annotations("uns"))) {
        selection.cells.push_back(TRY(part_in(element)));
        selection.cell_count += selection.cells.back().cells.size();
    }
    return selection;
}

}  // namespace stroma::matrix
