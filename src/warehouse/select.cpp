#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "warehouse/frame_names.h"
#include "warehouse/query.h"
#include "warehouse/relations.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

/// Gathers cells by dataset, in the order in which they come, each once.
class Gathered {
public:
    void add(const std::string& dataset, const std::string& revision, std::int64_t cell) {
        auto [place, is_new] = places_.emplace(dataset, selected_.size());
        if (is_new) {
            selected_.push_back({dataset, revision, {}});
            seen_.emplace_back();
        }
        auto& seen = seen_[place->second];
        const auto index = static_cast<std::size_t>(cell);
        if (seen.size() <= index) seen.resize(std::max(index + 1, seen.size() * 2), false);
        if (seen[index]) return;
        seen[index] = true;
        selected_[place->second].cells.push_back(static_cast<std::uint32_t>(cell));
    }
    std::vector<SelectedCells> take() { return std::move(selected_); }

private:
    std::map<std::string, std::size_t> places_;
    std::vector<SelectedCells> selected_;
    std::vector<std::vector<bool>> seen_;
};

Result<std::vector<SelectedCells>> gather(sql::Rows& rows) {
    Gathered gathered;
    while (TRY(rows.next())) gathered.add(rows.text(0), rows.text(1), rows.integer(2));
    return gathered.take();
}

/// The cells of one dataset a row, as a list of numbers: a row a cell would repeat two long names.
Result<std::vector<SelectedCells>> gather_lists(sql::Rows& rows) {
    std::vector<SelectedCells> selected;
    while (TRY(rows.next())) {
        const std::string list = rows.text(2);
        SelectedCells part{rows.text(0), rows.text(1), {}};
        const char* const end = list.data() + list.size();
        for (const char* at = list.data(); at < end; ++at) {
            std::uint32_t cell = 0;
            at = std::from_chars(at, end, cell).ptr;
            part.cells.push_back(cell);
        }
        std::sort(part.cells.begin(), part.cells.end());
        selected.push_back(std::move(part));
    }
    return selected;
}

// A selection is of cells, not of bytes: as many as the limits' rows, whatever their names' length.
QueryLimits for_cells(QueryLimits limits) {
    limits.rows_max = std::max<std::uint64_t>(limits.rows_max, 20'000'000);
    limits.bytes_max = std::max<std::uint64_t>(limits.bytes_max, std::uint64_t{4} << 30);
    return limits;
}

std::optional<std::size_t> find_column(const sql::Rows& rows, std::string_view name) {
    for (std::size_t column = 0; column < rows.columns().size(); ++column) {
        if (same_name(rows.columns()[column].name, name)) return column;
    }
    return std::nullopt;
}

// A condition that closed our parenthesis and went on would be a statement of its own making, and
// could name cells of datasets that the scope hides. As the only thing selected it cannot.
Result<void> check_condition(Warehouse::State& state, std::string_view condition) {
    auto connection = TRY(state.database.connect());
    const auto checked =
        TRY(check_statement(*connection, fmt::format("SELECT (\n{}\n)", condition)));
    const auto& node = checked.tree["node"];
    const bool is_one_value =
        node.value("type", "") == "SELECT_NODE" && node["modifiers"].empty() &&
        node["select_list"].size() == 1 && node["from_table"].value("type", "") == "EMPTY" &&
        node["select_list"][0].value("alias", "").empty() && node["cte_map"]["map"].empty() &&
        node["where_clause"].is_null() && node["group_expressions"].empty() &&
        node["having"].is_null() && node["qualify"].is_null();
    if (is_one_value) return {};
    return fail(ErrorCode::invalid_input, "the condition must be one expression over cells");
}

}  // namespace

Result<std::vector<SelectedCells>> Warehouse::select_where(std::string_view condition,
                                                           const Scope& scope,
                                                           const QueryLimits& limits) {
    TRY(check_condition(*state_, condition));
    const std::string statement = fmt::format(
        "SELECT dataset_id, revision, string_agg(CAST(cell_index AS VARCHAR), ',') FROM cells "
        "WHERE "
        "(\n{}\n) GROUP BY ALL ORDER BY dataset_id, revision",
        condition);
    auto rows = run_fenced(*state_, statement, scope, for_cells(limits), {}, condition);
    // An unknown name is told with all the names that there are.
    if (!rows && rows.error().code == ErrorCode::invalid_input)
        rows = run_fenced(*state_, statement, scope, for_cells(limits));
    if (!rows) return fail(rows.error());
    return gather_lists(**rows);
}

Result<std::vector<SelectedCells>> Warehouse::select_sql(std::string_view statement,
                                                         const Scope& scope,
                                                         const QueryLimits& limits) {
    bool has_key = false, has_id = false, has_dataset = false;
    {
        const auto shape = TRY(run_fenced(*state_, statement, scope, for_cells(limits)));
        has_key = find_column(*shape, "cellkey").has_value();
        has_id = find_column(*shape, "cell_id").has_value();
        has_dataset = find_column(*shape, "dataset").has_value();
    }
    if (!has_key && !has_id) {
        return fail(ErrorCode::invalid_input,
                    "the statement must give a column cellkey, or cell_id (and dataset where "
                    "several are asked)");
    }
    std::string_view text = statement;
    while (!text.empty() && (text.back() == ';' || text.back() == ' ' || text.back() == '\n')) {
        text.remove_suffix(1);
    }
    const std::string match =
        has_key       ? "named.cellkey = known.cellkey"
        : has_dataset ? "named.cell_id = known.cell_id AND named.dataset = known.dataset"
                      : "named.cell_id = known.cell_id";
    const auto rows = TRY(run_fenced(
        *state_,
        fmt::format("SELECT known.dataset_id, known.revision, known.cell_index FROM (SELECT *, "
                    "row_number() OVER () AS place_of_row FROM (\n{}\n)) AS named JOIN obs AS "
                    "known ON {} ORDER BY named.place_of_row",
                    text, match),
        scope, for_cells(limits)));
    return gather(*rows);
}

}  // namespace stroma::warehouse
