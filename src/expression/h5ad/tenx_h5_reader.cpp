#include "expression/h5ad/tenx_h5_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "expression/h5ad/hdf5_matrix.h"
#include "expression/h5ad/hdf5_values.h"
#include "expression/h5ad/reader_checks.h"

namespace stroma::expression {
namespace {

constexpr std::uint32_t no_line = 0xffffffffu;

/// Matrices side by side: each gives some genes for some of the cells.
class SideBySide final : public MatrixSource {
public:
    struct Part {
        std::unique_ptr<MatrixSource> source;
        std::vector<std::uint32_t> line_of_cell;  ///< no_line where it doesn't know the cell
        std::uint32_t first_gene = 0;
    };

    SideBySide(std::vector<Part> parts, std::uint64_t cells, std::uint64_t genes)
        : parts_(std::move(parts)), cells_(cells), genes_(genes) {}

    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return parts_[0].source->value_type(); }
    Order order() const override { return Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return parts_[0].source->lines_per_read(); }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override;

private:
    std::vector<Part> parts_;
    std::uint64_t cells_, genes_;
};

Result<void> SideBySide::read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) {
    const std::size_t value_bytes = size_of(value_type());
    std::vector<std::vector<std::uint32_t>> places(count);
    std::vector<Bytes> values(count);
    LineBlock block;
    for (const Part& part : parts_) {
        for (std::uint64_t cell = first; cell < first + count;) {
            // As many cells at once as lie together in the part.
            const std::uint32_t line = part.line_of_cell[cell];
            std::uint64_t run = 1;
            while (line != no_line && cell + run < first + count &&
                   part.line_of_cell[cell + run] == line + run)
                ++run;
            if (line != no_line) {
                TRY(part.source->read_lines(line, run, block));
                for (std::uint64_t i = 0; i < run; ++i) {
                    auto& cell_places = places[cell - first + i];
                    for (std::uint64_t k = block.starts[i]; k < block.starts[i + 1]; ++k)
                        cell_places.push_back(block.places[k] + part.first_gene);
                    auto& cell_values = values[cell - first + i];
                    cell_values.insert(cell_values.end(),
                                       block.values.begin() + block.starts[i] * value_bytes,
                                       block.values.begin() + block.starts[i + 1] * value_bytes);
                }
            }
            cell += run;
        }
    }
    out = {first, {0}, {}, {}};
    for (std::uint64_t i = 0; i < count; ++i) {
        out.places.insert(out.places.end(), places[i].begin(), places[i].end());
        out.values.insert(out.values.end(), values[i].begin(), values[i].end());
        out.starts.push_back(out.places.size());
    }
    return {};
}

/// One reading of one file.
class TenxReading {
public:
    TenxReading(std::shared_ptr<Hdf5File> file, const ReadOptions& options)
        : file_(std::move(file)), options_(options) {}
    Result<AnnotatedData> run();

private:
    Result<void> read_version_3();
    struct Genomes {
        std::vector<SideBySide::Part> parts;
        std::vector<TextArray> barcodes;
        TextArray gene_names, genome_of_gene;  ///< of all genes
    };
    Result<void> read_version_2(const std::vector<std::string>& names);
    Result<void> read_genome(const std::string& genome, Genomes& genomes);
    Result<void> unite_cells(const std::vector<std::string>& names, Genomes& genomes);
    Result<TextArray> texts(const std::string& path) const;
    Result<std::unique_ptr<MatrixSource>> matrix(const std::string& group, std::uint64_t cells,
                                                 std::uint64_t genes) const;
    Result<void> add_members(const std::string& group, const std::vector<std::string>& known,
                             Frame& frame) const;
    Result<void> read_attributes();

    std::shared_ptr<Hdf5File> file_;
    ReadOptions options_;
    AnnotatedData data_;
};

bool is_genome(const Hdf5File& file, const std::string& name) {
    for (const char* member : {"barcodes", "genes", "data", "indices", "indptr", "shape"})
        if (!file.has_dataset(join_path(name, member))) return false;
    return true;
}

std::vector<std::string> genomes_of(const Hdf5File& file) {
    std::vector<std::string> genomes;
    if (const auto names = file.names(""))
        for (const std::string& name : *names)
            if (is_genome(file, name)) genomes.push_back(name);
    return genomes;
}

Result<AnnotatedData> TenxReading::run() {
    data_.obs.index_name = "barcode";
    data_.var.index_name = "feature_id";
    if (file_->has_group("matrix")) {
        TRY(read_version_3());
    } else {
        const std::vector<std::string> genomes = genomes_of(*file_);
        if (genomes.empty())
            return fail(ErrorCode::invalid_input,
                        file_->name() +
                            ": holds neither the group 'matrix' nor a genome's group; "
                            "it isn't a 10x matrix");
        TRY(read_version_2(genomes));
    }
    TRY(read_attributes());
    TRY(settle_ids(data_.obs, "cell", file_->place("barcodes"), options_, data_.notes));
    TRY(settle_ids(data_.var, "gene", file_->place("features"), options_, data_.notes));
    return std::move(data_);
}

Result<TextArray> TenxReading::texts(const std::string& path) const {
    return read_texts(*file_, path, frame_text_bytes_max);
}

/// The file holds genes × cells as CSC, which is cells × genes as CSR.
Result<std::unique_ptr<MatrixSource>> TenxReading::matrix(const std::string& group,
                                                          std::uint64_t cells,
                                                          std::uint64_t genes) const {
    const auto stated = TRY(read_integers(*file_, join_path(group, "shape")));
    if (stated.size() != 2 || stated[0] != static_cast<std::int64_t>(genes) ||
        stated[1] != static_cast<std::int64_t>(cells))
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: its shape is {}, but there are {} genes and {} cells",
                                file_->place(group), fmt::join(stated, " × "), genes, cells));
    const SparsePaths paths{join_path(group, "data"), join_path(group, "indices"),
                            join_path(group, "indptr"), file_->place(group)};
    return open_sparse_matrix(file_, paths, Order::by_cell, cells, genes);
}

/// Other datasets of a group that have one value a row become columns.
Result<void> TenxReading::add_members(const std::string& group,
                                      const std::vector<std::string>& known, Frame& frame) const {
    for (const std::string& name : TRY(file_->names(group))) {
        const std::string path = join_path(group, name);
        if (std::find(known.begin(), known.end(), name) != known.end() || !file_->has_dataset(path))
            continue;
        const auto dataset = TRY(file_->dataset(path));
        if (dataset->shape() != std::vector<std::uint64_t>{frame.row_count()}) continue;
        Column column{name, {}, {}};
        if (dataset->type().is_text())
            column.values = TRY(read_texts(*file_, *dataset, frame_text_bytes_max));
        else if (dataset->type().is_number())
            column.values = TRY(read_numbers(*dataset));
        else
            continue;
        frame.columns.push_back(std::move(column));
    }
    return {};
}

Result<void> TenxReading::read_version_3() {
    data_.obs.index = TRY(texts("matrix/barcodes"));
    data_.var.index = TRY(texts("matrix/features/id"));
    const auto rename = [&](const char* member, const char* column) -> Result<void> {
        const std::string path = join_path("matrix/features", member);
        if (!file_->has_dataset(path)) return {};
        data_.var.columns.push_back({column, TRY(texts(path)), {}});
        if (data_.var.columns.back().size() != data_.var.row_count())
            return fail(ErrorCode::invalid_input,
                        file_->place(path) + ": of another length than id");
        return {};
    };
    TRY(rename("name", "feature_name"));
    TRY(rename("feature_type", "feature_types"));
    TRY(rename("genome", "genome"));
    TRY(add_members("matrix/features", {"id", "name", "feature_type", "genome", "_all_tag_keys"},
                    data_.var));
    TRY(add_members("matrix", {"barcodes", "data", "indices", "indptr", "shape"}, data_.obs));
    auto source = TRY(matrix("matrix", data_.obs.row_count(), data_.var.row_count()));
    data_.matrices.push_back({"X", Unit::counts, std::move(source)});
    return {};
}

/// Reads one genome's cells and genes and appends its genes to var.
Result<void> TenxReading::read_genome(const std::string& genome, Genomes& genomes) {
    TextArray barcodes = TRY(texts(join_path(genome, "barcodes")));
    const TextArray ids = TRY(texts(join_path(genome, "genes")));
    const bool named = file_->has_dataset(join_path(genome, "gene_names"));
    const TextArray names = named ? TRY(texts(join_path(genome, "gene_names"))) : ids;
    if (names.size() != ids.size())
        return fail(ErrorCode::invalid_input,
                    file_->place(genome) + ": genes and gene_names differ in length");
    SideBySide::Part part;
    part.first_gene = static_cast<std::uint32_t>(genomes.gene_names.size());
    part.source = TRY(matrix(genome, barcodes.size(), ids.size()));
    if (!genomes.parts.empty() &&
        part.source->value_type() != genomes.parts[0].source->value_type())
        return fail(ErrorCode::unsupported,
                    file_->place(genome) + ": its values are of another type than the others'");
    for (std::size_t i = 0; i < ids.size(); ++i) {
        data_.var.index.push_back(ids[i]);
        genomes.gene_names.push_back(names[i]);
        genomes.genome_of_gene.push_back(genome);
    }
    genomes.parts.push_back(std::move(part));
    genomes.barcodes.push_back(std::move(barcodes));
    return {};
}

/// The cells of all genomes, each once, and where each genome has them.
Result<void> TenxReading::unite_cells(const std::vector<std::string>& names, Genomes& genomes) {
    std::unordered_map<std::string, std::uint32_t> cell_of;
    for (const TextArray& barcodes : genomes.barcodes)
        for (std::size_t i = 0; i < barcodes.size(); ++i) {
            const auto number = static_cast<std::uint32_t>(data_.obs.row_count());
            if (cell_of.emplace(barcodes[i], number).second) data_.obs.index.push_back(barcodes[i]);
        }
    for (std::size_t p = 0; p < genomes.parts.size(); ++p) {
        const TextArray& barcodes = genomes.barcodes[p];
        std::vector<std::uint32_t>& lines = genomes.parts[p].line_of_cell;
        lines.assign(data_.obs.row_count(), no_line);
        for (std::size_t i = 0; i < barcodes.size(); ++i) {
            std::uint32_t& line = lines[cell_of[std::string(barcodes[i])]];
            if (line != no_line)
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}: the barcode {} occurs twice", file_->place(names[p]),
                                        barcodes[i]));
            line = static_cast<std::uint32_t>(i);
        }
    }
    return {};
}

Result<void> TenxReading::read_version_2(const std::vector<std::string>& names) {
    Genomes genomes;
    for (const std::string& name : names) TRY(read_genome(name, genomes));
    data_.var.columns.push_back({"feature_name", std::move(genomes.gene_names), {}});
    data_.var.columns.push_back({"genome", std::move(genomes.genome_of_gene), {}});
    std::unique_ptr<MatrixSource> source;
    if (names.size() == 1) {
        data_.obs.index = std::move(genomes.barcodes[0]);
        source = std::move(genomes.parts[0].source);
    } else {
        TRY(unite_cells(names, genomes));
        source = std::make_unique<SideBySide>(std::move(genomes.parts), data_.obs.row_count(),
                                              data_.var.row_count());
        data_.notes.push_back(
            fmt::format("{} genomes put side by side: {}", names.size(), fmt::join(names, ", ")));
    }
    data_.matrices.push_back({"X", Unit::counts, std::move(source)});
    return {};
}

Result<void> TenxReading::read_attributes() {
    // PyTables' own bookkeeping says nothing of the data.
    constexpr std::string_view bookkeeping[] = {"CLASS", "FILTERS", "PYTABLES_FORMAT_VERSION",
                                                "TITLE", "VERSION"};
    for (const std::string& name : file_->attribute_names("")) {
        if (std::find(std::begin(bookkeeping), std::end(bookkeeping), name) !=
            std::end(bookkeeping))
            continue;
        data_.uns.emplace_back(name, TRY(file_->attribute("", name)));
    }
    return {};
}

}  // namespace

bool TenxH5Reader::recognises(InputFiles& files) const {
    if (is_hdf5_with(files, {"matrix/barcodes", "matrix/features/id", "matrix/indptr"}))
        return true;
    if (files.is_folder()) return false;
    Result<File> file = files.open(files.name());
    if (!file) return false;
    const auto opened = Hdf5File::glance(std::move(*file));
    return opened != nullptr && !genomes_of(*opened).empty();
}

Result<AnnotatedData> TenxH5Reader::read(InputFiles& files, const ReadOptions& options) const {
    return TenxReading(TRY(open_hdf5_input(files, options)), options).run();
}

}  // namespace stroma::expression
