#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "portal/findings.h"

// What a spatial assay brings in uns["spatial"]: whether it is a single section, and of one that
// is, the picture under its spots. Source: the CELLxGENE dataset schema, "uns (Dataset Metadata)".

namespace stroma::portal {
namespace {

using expression::Array;
using expression::Dict;
using expression::Element;
using expression::ValueType;

void fault(RuleRun& run, std::string key, std::string message) {
    run.find({"uns", std::move(key), "", std::move(message), std::nullopt, ""});
}

const Array* scalar_of(const Element* element) {
    const auto* array = element == nullptr ? nullptr : std::get_if<Array>(&element->value);
    return array != nullptr && array->value_count() == 1 ? array : nullptr;
}

void find_others(RuleRun& run, const std::string& place, const Dict& dict,
                 std::initializer_list<std::string_view> known) {
    for (const auto& [key, element] : dict)
        if (std::find(known.begin(), known.end(), key) == known.end())
            fault(run, place + "/" + key, "is no key that may be there");
}

void check_picture(RuleRun& run, const std::string& place, const Element* element,
                   std::initializer_list<std::uint64_t> sides) {
    const auto* array = element == nullptr ? nullptr : std::get_if<Array>(&element->value);
    if (array == nullptr || array->type != ValueType::uint8 || array->shape.size() != 3 ||
        (array->shape[2] != 3 && array->shape[2] != 4))
        return fault(run, place, "is no picture: rows by columns by 3 or 4 as uint8");
    const std::uint64_t longest = std::max(array->shape[0], array->shape[1]);
    if (sides.size() > 0 && std::find(sides.begin(), sides.end(), longest) == sides.end())
        fault(run, place, fmt::format("its longer side has {} pixels", longest));
}

void check_library(RuleRun& run, const std::string& place, const Element& library) {
    const Dict* parts = library.dict();
    const Element* images = library.find("images");
    const Element* factors = library.find("scalefactors");
    if (parts == nullptr || images == nullptr || images->dict() == nullptr || factors == nullptr ||
        factors->dict() == nullptr)
        return fault(run, place, "has no 'images' and 'scalefactors'");
    find_others(run, place, *parts, {"images", "scalefactors"});
    find_others(run, place + "/images", *images->dict(), {"hires", "fullres"});
    check_picture(run, place + "/images/hires", images->find("hires"), {2000, 4000});
    if (const Element* fullres = images->find("fullres"))
        check_picture(run, place + "/images/fullres", fullres, {});
    const auto needed = {"spot_diameter_fullres", "tissue_hires_scalef"};
    for (const std::string_view name : needed) {
        const Array* factor = scalar_of(factors->find(name));
        if (factor == nullptr || !(factor->number(0) > 0))
            fault(run, fmt::format("{}/scalefactors/{}", place, name), "is no number above 0");
    }
    find_others(run, place + "/scalefactors", *factors->dict(),
                {"spot_diameter_fullres", "tissue_hires_scalef"});
}

/// Where each spot lies on the slide.
Result<void> check_spots(RuleRun& run) {
    const auto& names = run.examined().obs_columns;
    for (const std::string name : {"array_col", "array_row", "in_tissue"}) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            run.find({"obs", name, "", "is not there", std::nullopt, ""});
            continue;
        }
        const auto column = TRY(run.examined().dataset.obs_column(name));
        const auto* numbers = std::get_if<Array>(&column.values);
        FaultyRows wrong;
        const double most = name == "in_tissue" ? 1 : name == "array_row" ? 127 : 223;
        for (std::size_t row = 0; row < column.size(); ++row) {
            const double value = numbers == nullptr ? -1 : numbers->number(row);
            if (!(value >= 0 && value <= most) ||
                value != static_cast<double>(static_cast<int>(value)))
                wrong.add(row);
        }
        if (wrong.rows > 0)
            run.find_rows("obs", name, "", fmt::format("must be whole numbers from 0 to {}", most),
                          wrong);
    }
    return {};
}

}  // namespace

Result<void> check_spatial(RuleRun& run) {
    const auto asked = TRY(rows_in_question(run));
    const bool is_asked = std::find(asked.begin(), asked.end(), true) != asked.end();
    const auto& uns = run.examined().uns;
    const auto found = std::find_if(uns.begin(), uns.end(),
                                    [](const auto& one) { return one.first == "spatial"; });
    const bool has_library = run.rule().value("library", false);
    if (!is_asked) {
        if (found != uns.end() && !has_library)
            fault(run, "spatial", "is there, and no assay of the cells is a spatial one");
        return {};
    }
    const Dict* spatial = found == uns.end() ? nullptr : found->second.dict();
    const Array* is_single =
        spatial == nullptr ? nullptr : scalar_of(found->second.find("is_single"));
    const bool is_known = is_single != nullptr && is_single->type == ValueType::boolean;
    if (!has_library) {
        if (!is_known) fault(run, "spatial/is_single", "is not there or is not true or false");
        return {};
    }
    if (!is_known) return {};
    const bool single = is_single->number(0) != 0;
    std::size_t libraries = 0;
    for (const auto& [key, element] : *spatial) {
        if (key == "is_single") continue;
        ++libraries;
        if (single && libraries == 1) check_library(run, "spatial/" + key, element);
    }
    if (libraries != (single ? 1U : 0U))
        fault(run, "spatial",
              fmt::format("has {} libraries; a single section has one, others none", libraries));
    return single ? check_spots(run) : Result<void>{};
}

}  // namespace stroma::portal
