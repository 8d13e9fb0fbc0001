#include "matrix/difference.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include "base/digest.h"
#include "expression/line_value.h"

namespace stroma::matrix {
namespace {

using expression::LineBlock;
using expression::ValueType;

constexpr std::uint64_t cells_a_read = 512;

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
    return checksum64(as_bytes(text), seed);
}

std::uint64_t mixed(std::uint64_t name, double value) {
    std::uint64_t bits = 0;
    const double same = value == 0 ? 0 : value;  // -0 is 0
    std::memcpy(&bits, &same, sizeof bits);
    return checksum64(std::as_bytes(std::span(&bits, 1)), name);
}

struct CellDigest {
    std::string_view id;
    std::uint64_t digest;
};

/// The chosen cells of one input, each with a number that its values alone decide: a sum over
/// them, so that no order matters.
class Digests {
public:
    Result<void> read(const SelectionInput& input, const expression::Watch& watch) {
        const expression::Frame whole = TRY(input.sealed->obs());
        const expression::Frame obs = whole.take(input.cells);
        const expression::Frame var = TRY(input.sealed->var());
        ids_ = obs.index;
        numbers_.assign(input.cells.size(), 0);
        for (const expression::Column& column : obs.columns) {
            const std::uint64_t name = hash_of(column.name, 1);
            for (std::size_t row = 0; row < numbers_.size(); ++row)
                numbers_[row] += hash_of(column.text(row), name);
        }
        return input.sealed->summary().find("X") == nullptr ? Result<void>()
                                                            : read_values(input, var, watch);
    }
    std::size_t size() const { return numbers_.size(); }
    CellDigest operator[](std::size_t row) const { return {ids_[row], numbers_[row]}; }

private:
    Result<void> read_values(const SelectionInput& input, const expression::Frame& var,
                             const expression::Watch& watch) {
        std::vector<std::uint64_t> genes;
        for (std::size_t gene = 0; gene < var.row_count(); ++gene)
            genes.push_back(hash_of(var.index[gene], 2));
        const auto matrix = TRY(input.sealed->matrix("X"));
        const ValueType type = matrix->summary().type;
        LineBlock block;
        for (std::size_t first = 0; first < input.cells.size(); first += cells_a_read) {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "the comparison was stopped");
            const auto count = std::min<std::size_t>(cells_a_read, input.cells.size() - first);
            TRY(matrix->read_cells(std::span(input.cells).subspan(first, count), block));
            for (std::size_t line = 0; line < count; ++line)
                for (auto at = block.starts[line]; at < block.starts[line + 1]; ++at) {
                    const double value = expression::number_at(block, type, at);
                    if (value != 0) numbers_[first + line] += mixed(genes[block.places[at]], value);
                }
        }
        return {};
    }
    expression::TextArray ids_;
    std::vector<std::uint64_t> numbers_;
};

/// Compares one dataset, which either side may lack.
class OneDataset {
public:
    OneDataset(std::string name, std::size_t listed_max, Difference& difference)
        : name_(std::move(name)), listed_max_(listed_max), difference_(difference) {}

    Result<void> compare(const SelectionInput* before, const SelectionInput* after,
                         const expression::Watch& watch) {
        if (before != nullptr && after != nullptr && before->revision == after->revision)
            return compare_places(*before, *after);
        Digests old_cells, new_cells;
        if (before != nullptr) TRY(old_cells.read(*before, watch));
        if (after != nullptr) TRY(new_cells.read(*after, watch));
        std::unordered_map<std::string_view, std::uint64_t> known;
        for (std::size_t row = 0; row < old_cells.size(); ++row)
            known.emplace(old_cells[row].id, old_cells[row].digest);
        std::unordered_map<std::string_view, bool> seen;
        for (std::size_t row = 0; row < new_cells.size(); ++row) {
            const CellDigest cell = new_cells[row];
            seen.emplace(cell.id, true);
            const auto found = known.find(cell.id);
            if (found == known.end())
                note(cell.id, difference_.added, difference_.added_cells);
            else if (found->second != cell.digest)
                note(cell.id, difference_.changed, difference_.changed_cells);
            else
                ++difference_.unchanged;
        }
        for (std::size_t row = 0; row < old_cells.size(); ++row)
            if (!seen.contains(old_cells[row].id))
                note(old_cells[row].id, difference_.removed, difference_.removed_cells);
        return {};
    }

private:
    /// Of one revision: cells are their places, which rise.
    Result<void> compare_places(const SelectionInput& before, const SelectionInput& after) {
        std::vector<std::uint32_t> gone, come;
        std::set_difference(before.cells.begin(), before.cells.end(), after.cells.begin(),
                            after.cells.end(), std::back_inserter(gone));
        std::set_difference(after.cells.begin(), after.cells.end(), before.cells.begin(),
                            before.cells.end(), std::back_inserter(come));
        difference_.unchanged += after.cells.size() - come.size();
        if (gone.empty() && come.empty()) return {};
        const auto ids = TRY(after.sealed->cell_ids());
        for (const auto cell : gone)
            note(ids[cell], difference_.removed, difference_.removed_cells);
        for (const auto cell : come) note(ids[cell], difference_.added, difference_.added_cells);
        return {};
    }
    void note(std::string_view id, std::uint64_t& count, std::vector<Difference::Cell>& list) {
        ++count;
        if (list.size() < listed_max_) list.push_back({name_, std::string(id)});
    }
    std::string name_;
    std::size_t listed_max_;
    Difference& difference_;
};

}  // namespace

Result<Difference> compare_snapshots(const std::vector<SelectionInput>& before,
                                     const std::vector<SelectionInput>& after,
                                     std::size_t listed_max, const expression::Watch& watch) {
    std::map<std::string, std::pair<const SelectionInput*, const SelectionInput*>> datasets;
    for (const auto& input : before) datasets[input.dataset_name].first = &input;
    for (const auto& input : after) datasets[input.dataset_name].second = &input;
    Difference difference;
    for (const auto& [name, sides] : datasets) {
        OneDataset one(name, listed_max, difference);
        TRY(one.compare(sides.first, sides.second, watch));
    }
    return difference;
}

}  // namespace stroma::matrix
