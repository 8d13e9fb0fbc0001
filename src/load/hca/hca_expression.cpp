#include "load/hca/hca_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "expression/mtx/mtx_reader.h"
#include "expression/text/numbers.h"
#include "expression/text/table.h"
#include "expression/zarr/hca_zarr.h"
#include "load/hca/rsem.h"

namespace stroma::loading {
namespace {

using namespace expression;

/// Some of a folder's files as a folder of their own.
class ChosenFiles final : public InputFiles {
public:
    ChosenFiles(InputFiles& files, std::vector<std::string> names)
        : files_(files), names_(std::move(names)) {}
    const std::string& name() const override { return files_.name(); }
    bool is_folder() const override { return true; }
    Result<std::vector<std::string>> list() override { return names_; }
    Result<File> open(std::string_view name) override {
        if (std::find(names_.begin(), names_.end(), name) == names_.end())
            return fail(ErrorCode::not_found, "no file " + std::string(name));
        return files_.open(name);
    }

private:
    InputFiles& files_;
    std::vector<std::string> names_;
};

std::string file_name(std::string_view path) {
    return std::string(path.substr(path.rfind('/') + 1));
}

/// Sums of a matrix, line by line.
struct Counted {
    std::vector<std::int64_t> genes_of_cell;
    std::vector<double> total_of_cell, total_of_gene;
};

Result<Counted> count_matrix(MatrixSource& source, const Watch& watch) {
    Counted counted;
    counted.genes_of_cell.resize(source.cell_count());
    counted.total_of_cell.resize(source.cell_count());
    counted.total_of_gene.resize(source.gene_count());
    LineBlock block;
    Array values{source.value_type(), {}, {}};
    const std::uint64_t lines = source.line_count();
    for (std::uint64_t first = 0; first < lines;) {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "reading the bundle was cancelled");
        const std::uint64_t count = std::min(source.lines_per_read(), lines - first);
        TRY(source.read_lines(first, count, block));
        values.bytes = std::move(block.values);
        values.shape = {block.places.size()};
        for (std::uint64_t line = 0; line < count; ++line)
            for (std::uint64_t i = block.starts[line]; i < block.starts[line + 1]; ++i) {
                const double value = values.number(i);
                if (value == 0) continue;
                const bool by_cell = source.order() == Order::by_cell;
                const std::uint64_t cell = by_cell ? first + line : block.places[i];
                const std::uint64_t gene = by_cell ? block.places[i] : first + line;
                if (cell >= counted.genes_of_cell.size() || gene >= counted.total_of_gene.size())
                    return fail(ErrorCode::corrupt, "an entry lies outside the matrix");
                ++counted.genes_of_cell[cell];
                counted.total_of_cell[cell] += value;
                counted.total_of_gene[gene] += value;
            }
        first += count;
        if (watch.progress)
            watch.progress(static_cast<double>(first), static_cast<double>(lines), "lines");
    }
    return counted;
}

/// An Ensembl id without version: "ENSG00000000003.14" → "ENSG00000000003"; "" for anything else.
std::string cut_ensembl(std::string_view id) {
    if (!id.starts_with("ENS") || id.size() < 15) return "";
    return std::string(id.substr(0, id.find('.')));
}

/// Adds var's ensembl_id, and notes which share of ids and of counts it covers.
void map_features(AnnotatedData& data, const HcaBundleOptions& options, const Counted& counted) {
    TextArray ids;
    std::size_t mapped = 0;
    double total = 0, mapped_total = 0;
    for (std::size_t i = 0; i < data.var.row_count(); ++i) {
        std::string id = cut_ensembl(data.var.index[i]);
        if (id.empty()) {
            const auto found = options.ensembl_of_symbol.find(std::string(data.var.index[i]));
            if (found != options.ensembl_of_symbol.end()) id = found->second;
        }
        mapped += id.empty() ? 0 : 1;
        total += counted.total_of_gene[i];
        mapped_total += id.empty() ? 0 : counted.total_of_gene[i];
        ids.push_back(id);
    }
    data.notes.push_back(fmt::format(
        "{} of {} feature ids are or map to Ensembl ids; these hold {:.1f} % of all values", mapped,
        data.var.row_count(), total > 0 ? 100 * mapped_total / total : 0));
    data.var.columns.insert(data.var.columns.begin(), Column{"ensembl_id", std::move(ids), {}});
}

std::optional<bool> boolean_of(std::string_view text) {
    if (text == "TRUE" || text == "True" || text == "true") return true;
    if (text == "FALSE" || text == "False" || text == "false") return false;
    return std::nullopt;
}

/// The rows of empty_drops_result.csv in the order of the cells; its columns go into obs.
Result<void> join_empty_drops(InputFiles& files, const std::string& name, HcaCells& cells) {
    const Table table = TRY(read_table(files, name, {.dialect = {.separator = ','}}));
    const TextArray* barcodes = table.find("CellId");
    const TextArray* totals = table.find("Total");
    const TextArray* flags = table.find("IsCell");
    if (barcodes == nullptr || totals == nullptr || flags == nullptr)
        return fail(ErrorCode::invalid_input,
                    name + " lacks one of the columns CellId, Total, IsCell");
    std::unordered_map<std::string_view, std::size_t> row_of;
    for (std::size_t i = 0; i < barcodes->size(); ++i)
        if (!row_of.emplace((*barcodes)[i], i).second)
            return fail(
                ErrorCode::invalid_input,
                fmt::format("{}, line {}: barcode '{}' occurs again", name, i + 2, (*barcodes)[i]));
    const Frame& obs = cells.data.obs;
    std::vector<std::optional<std::size_t>> rows(obs.row_count());
    std::size_t joined = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto found = row_of.find(obs.index[i]);
        if (found == row_of.end()) continue;
        rows[i] = found->second;
        ++joined;
        std::uint64_t total = 0;
        if (parse_whole((*totals)[found->second], total))
            cells.total_umis[i] = static_cast<std::int64_t>(total);
        cells.is_cell[i] = boolean_of((*flags)[found->second]);
    }
    if (joined < obs.row_count())
        cells.data.notes.push_back(fmt::format("{} has no line for {} of {} barcodes", name,
                                               obs.row_count() - joined, obs.row_count()));
    static const std::map<std::string, std::string> names = {{"Total", "emptydrops_total"},
                                                             {"LogProb", "emptydrops_log_prob"},
                                                             {"PValue", "emptydrops_p_value"},
                                                             {"Limited", "emptydrops_limited"},
                                                             {"FDR", "emptydrops_fdr"}};
    for (std::size_t c = 0; c < table.header.size(); ++c) {
        const auto column_name = names.find(table.header[c]);
        if (column_name == names.end()) continue;
        TextArray texts;
        for (const auto& row : rows) texts.push_back(row ? table.columns[c][*row] : "");
        add_column(cells.data.obs, column_of_texts(column_name->second, texts), cells.data.notes);
    }
    cells.files.push_back(name);
    return {};
}

Result<AnnotatedData> read_zarr_files(InputFiles& files, const std::vector<std::string>& names,
                                      Unit unit, HcaCells& cells) {
    ChosenFiles chosen(files, names);
    std::unique_ptr<ZarrStore> opened = TRY(ZarrStore::open(chosen));
    opened->read_from(files);
    for (const std::string& name : names)
        if (name.ends_with(".zattrs") &&
            (cells.main_file.empty() || name.size() < cells.main_file.size()))
            cells.main_file = name;
    if (!enter_hca_layout(*opened))
        return fail(ErrorCode::invalid_input,
                    "the bundle's Zarr group holds no expression, cell_id and gene_id");
    AnnotatedData data = TRY(read_hca_zarr(std::move(opened), {}, true));
    data.matrices[0].unit = unit;
    cells.files = names;
    return data;
}

Result<HcaCells> read_optimus(InputFiles& files, const std::vector<std::string>& zarr,
                              const std::vector<std::string>& all,
                              const HcaBundleOptions& options) {
    HcaCells cells;
    cells.data = TRY(read_zarr_files(files, zarr, Unit::counts, cells));
    const Counted counted = TRY(count_matrix(*cells.data.matrices[0].source, options.watch));
    cells.genes_detected = counted.genes_of_cell;
    for (const double total : counted.total_of_cell)
        cells.total_umis.emplace_back(static_cast<std::int64_t>(total));
    cells.is_cell.resize(cells.data.obs.row_count());
    map_features(cells.data, options, counted);
    for (const std::string& name : all)
        if (file_name(name) == "empty_drops_result.csv") {
            TRY(join_empty_drops(files, name, cells));
            return cells;
        }
    cells.data.notes.push_back("no empty_drops_result.csv: total_umis is the sum of each cell");
    return cells;
}

/// Genes of the one cell that have a value, ids that coincide without their version as one.
std::int64_t distinct_genes(const AnnotatedData& data, const Counted& counted) {
    const auto& ids = std::get<TextArray>(data.var.find("ensembl_id")->values);
    const Column* isgene = data.var.find("isgene");
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (counted.total_of_gene[i] == 0) continue;
        if (isgene != nullptr && std::get<Array>(isgene->values).integer(i) == 0) continue;
        seen.insert(ids[i].empty() ? data.var.index[i] : ids[i]);
    }
    return static_cast<std::int64_t>(seen.size());
}

Result<std::optional<HcaCells>> read_smartseq2(InputFiles& files,
                                               const std::vector<std::string>& zarr,
                                               const std::vector<std::string>& all,
                                               const std::string& suspension,
                                               const HcaBundleOptions& options) {
    HcaCells cells;
    std::optional<std::string> genes, isoforms;
    for (const std::string& name : all) {
        if (name.ends_with("_rsem.genes.results")) genes = name;
        if (name.ends_with("_rsem.isoforms.results")) isoforms = name;
    }
    if (genes) {
        cells.data = TRY(read_rsem(files, *genes, isoforms, suspension));
        cells.main_file = *genes;
        cells.files = {*genes};
        if (isoforms)
            cells.files.push_back(*isoforms);
        else
            cells.data.notes.push_back("no isoforms.results: genes only");
    } else if (!zarr.empty()) {
        cells.data = TRY(read_zarr_files(files, zarr, Unit::tpm, cells));
        cells.data.notes.push_back(
            "no RSEM tables: X is the TPM of the bundle's Zarr group, "
            "expected counts are not there");
        if (cells.data.obs.row_count() != 1)
            return fail(ErrorCode::invalid_input,
                        fmt::format("a Smart-seq2 bundle holds one cell, but its Zarr group {}",
                                    cells.data.obs.row_count()));
        if (!suspension.empty()) cells.data.obs.index = TextArray{suspension};
    } else {
        return std::nullopt;
    }
    const Counted counted = TRY(count_matrix(*cells.data.matrices[0].source, options.watch));
    map_features(cells.data, options, counted);
    cells.has_barcodes = false;
    cells.genes_detected = {distinct_genes(cells.data, counted)};
    cells.total_umis.resize(1);
    cells.is_cell.resize(1);
    return cells;
}

Result<std::optional<HcaCells>> read_cellranger(InputFiles& files,
                                                const std::vector<std::string>& all,
                                                const HcaBundleOptions& options) {
    HcaCells cells;
    for (const char* name : {"matrix.mtx", "genes.tsv", "barcodes.tsv"})
        if (std::binary_search(all.begin(), all.end(), name)) cells.files.emplace_back(name);
    if (cells.files.empty()) return std::nullopt;
    if (cells.files.size() < 3)
        return fail(ErrorCode::invalid_input,
                    "a CellRanger bundle needs matrix.mtx, genes.tsv and barcodes.tsv; one is "
                    "absent");
    ChosenFiles chosen(files, cells.files);
    cells.main_file = "matrix.mtx";
    cells.data = TRY(make_mtx_reader()->read(chosen, {}));
    const Counted counted = TRY(count_matrix(*cells.data.matrices[0].source, options.watch));
    cells.genes_detected = counted.genes_of_cell;
    for (const double total : counted.total_of_cell)
        cells.total_umis.emplace_back(static_cast<std::int64_t>(total));
    cells.is_cell.resize(cells.data.obs.row_count());
    map_features(cells.data, options, counted);
    return cells;
}

}  // namespace

bool is_expression_file(std::string_view name, HcaProtocol protocol) {
    switch (protocol) {
        case HcaProtocol::optimus:
            return name.find(".zarr") != std::string_view::npos ||
                   name.ends_with("empty_drops_result.csv");
        case HcaProtocol::smartseq2: return name.find(".zarr") != std::string_view::npos;
        case HcaProtocol::cellranger:
            return name == "matrix.mtx" || name == "genes.tsv" || name == "barcodes.tsv";
        case HcaProtocol::other: return false;
    }
    return false;
}

Result<std::optional<HcaCells>> read_hca_cells(InputFiles& files, HcaProtocol protocol,
                                               const std::string& suspension,
                                               const HcaBundleOptions& options) {
    std::vector<std::string> all = TRY(files.list());
    std::sort(all.begin(), all.end());
    std::vector<std::string> zarr;
    for (const std::string& name : all)
        if (name.find(".zarr!") != std::string::npos || name.find(".zarr/") != std::string::npos)
            zarr.push_back(name);
    switch (protocol) {
        case HcaProtocol::optimus:
            if (zarr.empty()) return std::nullopt;
            return TRY(read_optimus(files, zarr, all, options));
        case HcaProtocol::smartseq2: return read_smartseq2(files, zarr, all, suspension, options);
        case HcaProtocol::cellranger: return read_cellranger(files, all, options);
        case HcaProtocol::other: return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace stroma::loading
