#include "app/answers/selection_relation.h"

#include <algorithm>

#include "warehouse/frame_scan.h"
#include "warehouse/other_relation.h"

namespace stroma::app {
namespace {

using annotation::KeptKind;
using annotation::KeptThing;
using annotation::KeptThings;
using Names = warehouse::OtherRelation::Names;

constexpr std::uint64_t cells_max = 50'000'000;

/// Who asks; nobody in particular when the id is not, or no longer, anybody's.
Result<catalog::Principal> asker_of(catalog::Catalog& catalog, const warehouse::Scope& scope) {
    if (scope.asker == catalog::local_administrator().id) return catalog::local_administrator();
    const auto found = TRY(catalog.find_principal(scope.asker));
    return found && found->id == scope.asker ? *found : catalog::anonymous_principal();
}

/// The selections that are named, else one's own, as far as the asker may see them.
Result<std::vector<KeptThing>> selections_for(KeptThings& kept, catalog::Catalog& catalog,
                                              const warehouse::Scope& scope,
                                              const std::vector<std::string>& revisions,
                                              const Names& names) {
    const catalog::Principal asker = TRY(asker_of(catalog, scope));
    std::set<std::string> ids;
    if (names)
        ids = *names;
    else
        for (const KeptThing& own : TRY(kept.list(KeptKind::selection, asker.id, "")))
            ids.insert(own.id);
    std::vector<KeptThing> selections;
    for (const std::string& id : ids) {
        auto found = TRY(kept.find(KeptKind::selection, id));
        if (!found ||
            std::find(revisions.begin(), revisions.end(), found->revision) == revisions.end())
            continue;
        const catalog::Thing thing{catalog::ThingKind::view, found->id, found->owner,
                                   found->by_link};
        if (TRY(catalog.decide(asker, catalog::Action::read, thing)))
            selections.push_back(*std::move(found));
    }
    return selections;
}

/// The cells of selections. Their numbers lie with the scan.
class CellScan final : public sql::TableScan {
public:
    static Result<std::shared_ptr<CellScan>> of(std::vector<KeptThing> selections) {
        auto scan = std::make_shared<CellScan>();
        std::uint64_t cells = 0;
        for (KeptThing& selection : selections) {
            const annotation::CellRuns runs = TRY(annotation::cells_of(selection));
            cells += annotation::cell_count(runs);
            if (cells > cells_max)
                return fail(ErrorCode::exhausted,
                            "the selections have more than 50 million cells together; name those "
                            "that you want: selected_cell.selection = '…'");
            Part part{std::move(selection.id),
                      std::move(selection.revision),
                      std::move(selection.name),
                      {}};
            for (const auto& [first, end] : runs)
                for (std::uint32_t cell = first; cell < end; ++cell) part.cells.push_back(cell);
            scan->parts_.push_back(std::move(part));
        }
        if (scan->parts_.empty()) scan->parts_.emplace_back();
        scan->open();
        return scan;
    }
    const std::vector<sql::ScanColumn>& columns() const override { return rows_->columns(); }
    std::optional<std::uint64_t> row_estimate() const override { return rows_->row_estimate(); }
    std::unique_ptr<sql::ScanRun> begin() override { return rows_->begin(); }

private:
    struct Part {
        std::string selection, revision, name;
        std::vector<std::uint32_t> cells;
    };

    void open() {
        std::vector<warehouse::ScannedRows> all;
        for (const Part& part : parts_) {
            warehouse::ScannedRows rows;
            for (const auto& [name, value] :
                 {std::pair{"selection", &part.selection}, std::pair{"selection_name", &part.name},
                  std::pair{"revision", &part.revision}})
                rows.columns.push_back(
                    {.name = name, .sql_type = "VARCHAR", .constant = sql::Value(*value)});
            rows.columns.push_back(
                {.name = "cell_index", .sql_type = "INTEGER", .counts = &part.cells});
            rows.rows = part.cells.size();
            all.push_back(std::move(rows));
        }
        rows_ = warehouse::scan_parts(std::move(all));
    }

    std::vector<Part> parts_;
    std::shared_ptr<sql::TableScan> rows_;
};

}  // namespace

void add_selection_relation(warehouse::Warehouse& warehouse, KeptThings& kept,
                            catalog::Catalog& catalog) {
    const auto open =
        [&kept, &catalog](
            const std::vector<std::string>& revisions, const Names& names,
            const warehouse::Scope& scope) -> Result<std::shared_ptr<sql::TableScan>> {
        auto selections = TRY(selections_for(kept, catalog, scope, revisions, names));
        return CellScan::of(std::move(selections));
    };
    add_relation(warehouse, {"selected_cell", "selection", open});
}

}  // namespace stroma::app
