#include "expression/mtx/mtx_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "expression/mtx/mtx_text.h"
#include "expression/text/table.h"

namespace stroma::expression {
namespace {

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
    return std::any_of(ends.begin(), ends.end(),
                       [&](std::string_view end) { return name.ends_with(end); });
}

/// The files of one 10x folder, by what they are; "" when absent.
struct Parts {
    std::string matrix, features, genes, barcodes, cells;
};

std::string_view folder_of(std::string_view name) {
    const std::size_t slash = name.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash + 1);
}

/// The file whose name is `prefix` + one of the stems + .tsv or .tsv.gz.
std::string beside(const std::vector<std::string>& names, const std::string& prefix,
                   std::string_view stem) {
    for (const char* end : {".tsv.gz", ".tsv"}) {
        const std::string name = prefix + std::string(stem) + end;
        if (std::binary_search(names.begin(), names.end(), name)) return name;
    }
    return {};
}

Result<Parts> find_parts(InputFiles& files) {
    Parts parts;
    if (!files.is_folder()) {
        parts.matrix = files.name();
        return parts;
    }
    std::vector<std::string> names = TRY(files.list());
    std::sort(names.begin(), names.end());
    std::vector<std::string> matrices;
    for (const std::string& name : names)
        if (ends_with_any(name, {".mtx", ".mtx.gz"})) matrices.push_back(name);
    if (matrices.empty())
        return fail(ErrorCode::invalid_input, files.name() + " holds no .mtx or .mtx.gz file");
    if (matrices.size() > 1)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} holds {} matrices ('{}', '{}'...); import them one by one",
                                files.name(), matrices.size(), matrices[0], matrices[1]));
    parts.matrix = matrices[0];
    std::string prefix = parts.matrix.substr(0, parts.matrix.rfind(".mtx"));
    if (prefix.ends_with("matrix"))
        prefix.resize(prefix.size() - 6);
    else
        prefix = folder_of(parts.matrix);
    parts.features = beside(names, prefix, "features");
    parts.genes = beside(names, prefix, "genes");
    parts.barcodes = beside(names, prefix, "barcodes");
    parts.cells = beside(names, prefix, "cells");
    return parts;
}

const std::array<std::string_view, 9> feature_columns = {
    "",           "feature_name", "feature_types", "featuretype", "chromosome", "featurestart",
    "featureend", "isgene",       "genus_species"};

/// var from features.tsv or a genes.tsv without header.
Result<Frame> read_features(InputFiles& files, const std::string& name) {
    Table table = TRY(read_table(files, name, {.has_header = false, .dialect = {.quotes = false}}));
    Frame var;
    if (table.columns.empty()) return var;
    var.index_name = "feature_id";
    var.index = std::move(table.columns[0]);
    std::vector<std::string> notes;
    for (std::size_t i = 1; i < table.columns.size(); ++i) {
        const std::string column = i < feature_columns.size() ? std::string(feature_columns[i])
                                                              : fmt::format("column_{}", i + 1);
        add_column(var, column_of_texts(column, table.columns[i]), notes);
    }
    return var;
}

/// A frame from a table with a header; its first column is the index.
Result<Frame> read_frame(InputFiles& files, const std::string& name,
                         std::vector<std::string>& notes) {
    Table table = TRY(read_table(files, name, {.dialect = {.quotes = true}}));
    Frame frame;
    if (table.columns.empty()) return frame;
    frame.index_name = table.header[0];
    for (std::size_t i = 1; i < table.columns.size(); ++i)
        add_column(frame, column_of_texts(table.header[i], table.columns[i]), notes);
    frame.index = std::move(table.columns[0]);
    return frame;
}

bool has_header(InputFiles& files, const std::string& name) {
    const auto text = TextInput::open(files, name, {.unpacked_bytes_max = 1u << 30});
    if (!text) return false;
    auto block = (*text)->next_block(4096);
    if (!block) return false;
    std::string_view rest = *block, line;
    return take_line(rest, line) &&
           (line.starts_with("featurekey") || line.starts_with("gene_id\t"));
}

Result<Frame> read_var(InputFiles& files, const Parts& parts, std::vector<std::string>& notes) {
    if (!parts.features.empty()) return read_features(files, parts.features);
    if (parts.genes.empty()) return Frame{};
    if (has_header(files, parts.genes)) return read_frame(files, parts.genes, notes);
    return read_features(files, parts.genes);
}

/// obs: the barcodes, and the columns of the matrix service's cells table when it fits. Its keys
/// become the ids when the barcodes can't be (empty or repeated, as over several bundles).
Result<Frame> read_obs(InputFiles& files, const Parts& parts, std::vector<std::string>& notes) {
    Frame obs, cells;
    if (!parts.cells.empty()) cells = TRY(read_frame(files, parts.cells, notes));
    if (parts.barcodes.empty()) return cells;
    Table table = TRY(
        read_table(files, parts.barcodes,
                   {.has_header = false, .dialect = {.quotes = false}, .keeps_blank_lines = true}));
    if (!table.columns.empty()) obs.index = std::move(table.columns[0]);
    obs.index_name = "barcode";
    if (cells.row_count() == 0) return obs;
    if (cells.row_count() != obs.row_count())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} has {} rows, but {} has {}", parts.cells, cells.row_count(),
                                parts.barcodes, obs.row_count()));
    std::vector<std::string> ignored;
    TextArray copy = obs.index;
    if (!settle_ids(copy, "cell", parts.barcodes, false, ignored)) {
        notes.push_back(fmt::format("cell ids are the '{}' of {}, as barcodes repeat",
                                    cells.index_name, parts.cells));
        if (cells.find("barcode") == nullptr)
            add_column(cells, column_of_texts("barcode", obs.index), notes);
        return cells;
    }
    if (!(cells.index == obs.index)) {
        Column keys{cells.index_name, std::move(cells.index), {}};
        add_column(obs, std::move(keys), notes);
    }
    for (Column& column : cells.columns) add_column(obs, std::move(column), notes);
    return obs;
}

TextArray numbered(std::string_view what, std::uint64_t count) {
    TextArray ids;
    for (std::uint64_t i = 1; i <= count; ++i) ids.push_back(fmt::format("{}_{}", what, i));
    return ids;
}

/// Whether cells are columns, by what the tables and the header say.
Result<bool> find_orientation(const MtxHeader& header, const Parts& parts, const Frame& obs,
                              const Frame& var, const ReadOptions& options,
                              std::vector<std::string>& notes) {
    const std::uint64_t cells = obs.row_count(), genes = var.row_count();
    const bool know_cells = !parts.barcodes.empty() || !parts.cells.empty();
    const bool know_genes = !parts.features.empty() || !parts.genes.empty();
    const bool columns_fit =
        (!know_cells || header.columns == cells) && (!know_genes || header.rows == genes);
    const bool rows_fit =
        (!know_cells || header.rows == cells) && (!know_genes || header.columns == genes);
    if (!columns_fit && !rows_fit)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: the matrix is {} × {}, but there are {} genes and {} cells in "
                                "the tables beside it",
                                parts.matrix, header.rows, header.columns, genes, cells));
    if (options.orientation == "cells-are-rows" && rows_fit) return false;
    if (options.orientation == "cells-are-columns" && columns_fit) return true;
    if (!options.orientation.empty())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: '{}' does not fit the tables beside it", parts.matrix,
                                options.orientation));
    if (!columns_fit)
        notes.push_back("cells are rows of the matrix (only this fits its tables)");
    else if (!know_cells && !know_genes)
        notes.push_back("no tables of genes and cells: rows taken as genes, both numbered");
    return columns_fit;
}

class MtxReader final : public FormatReader {
public:
    std::string_view name() const override { return "10x-mtx"; }

    bool recognises(InputFiles& files) const override {
        const auto parts = find_parts(files);
        if (!parts) return false;
        const auto text = TextInput::open(files, parts->matrix, {.unpacked_bytes_max = 1u << 30});
        if (!text) return false;
        const auto block = (*text)->next_block(4096);
        // What is packed and named so but damaged is ours: read() says how.
        if (!block) return (*text)->is_gzip() && parts->matrix.ends_with(".mtx.gz");
        return block->starts_with("%%MatrixMarket") || block->starts_with("%%matrixmarket");
    }

    Result<AnnotatedData> read(InputFiles& files, const ReadOptions& options) const override {
        const Parts parts = TRY(find_parts(files));
        AnnotatedData data;
        data.obs = TRY(read_obs(files, parts, data.notes));
        data.var = TRY(read_var(files, parts, data.notes));
        auto text = TRY(MtxText::open(files, parts.matrix, options.unpacked_bytes_max));
        const MtxHeader& header = text.header();
        const bool columns =
            TRY(find_orientation(header, parts, data.obs, data.var, options, data.notes));
        const std::uint64_t cells = columns ? header.columns : header.rows;
        const std::uint64_t genes = columns ? header.rows : header.columns;
        const bool numbers_cells = data.obs.row_count() != cells,
                   numbers_genes = data.var.row_count() != genes;
        TRY(check_size(parts.matrix, header, numbers_cells ? cells : 0, numbers_genes ? genes : 0));
        TripletSpool spool(options.scratch);
        TRY(text.read(columns, spool));
        // Only now: that many values are really there.
        if (numbers_cells) data.obs.index = numbered("cell", cells);
        if (numbers_genes) data.var.index = numbered("gene", genes);
        TRY(settle_ids(data.obs.index, "cell", parts.barcodes, options.make_ids_unique,
                       data.notes));
        TRY(settle_ids(data.var.index, "gene",
                       parts.features.empty() ? parts.genes : parts.features,
                       options.make_ids_unique, data.notes));
        const Unit unit = spool.survey().unit();
        if (unit != Unit::counts)
            data.notes.push_back("values are not counts: functions on counts are off");
        data.matrices.push_back({"X", unit, TRY(std::move(spool).finish(cells, genes))});
        return data;
    }

private:
    /// A header may name sizes that no table vouches for, and empty lines cost time and memory too:
    /// the values must bear them out.
    static Result<void> check_size(const std::string& name, const MtxHeader& header,
                                   std::uint64_t numbered_cells, std::uint64_t numbered_genes) {
        constexpr std::uint64_t lines_max = 1u << 18, lines_a_value = 16;
        const std::uint64_t lines = numbered_cells + numbered_genes;
        if (lines <= lines_max || (lines - lines_max) / lines_a_value < header.entries) return {};
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: bomb: {} × {} for {} values. Without barcodes.tsv and "
                                "features.tsv beside it a matrix may have {} cells and genes, and "
                                "{} more for each value",
                                name, header.rows, header.columns, header.entries, lines_max,
                                lines_a_value));
    }
};

}  // namespace

std::unique_ptr<FormatReader> make_mtx_reader() { return std::make_unique<MtxReader>(); }

}  // namespace stroma::expression
