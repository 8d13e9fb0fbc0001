#include "expression/loom/loom_writer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "expression/loom/loom_attributes.h"
#include "expression/output/deflate.h"
#include "expression/output/frame_text.h"
#include "expression/output/h5.h"
#include "expression/output/matrix_lines.h"
#include "expression/output/ordered_work.h"
#include "expression/output/pending_output.h"
#include "expression/output/value_types.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t genes_a_chunk = 512, cells_a_chunk = 64;

/// Names inside one group, each given once; '/' cannot stand in a name.
class AttributeNames {
public:
    Result<std::string> give(std::string_view name) {
        std::string fit(name);
        std::replace(fit.begin(), fit.end(), '/', '_');
        if (fit.empty() || fit == "." || fit == "..") fit = "_" + fit;
        if (!given_.insert(fit).second)
            return fail(ErrorCode::invalid_input, "two columns are called '" + fit +
                                                      "' in Loom; rename or leave out one of them");
        return fit;
    }
    bool has(const std::string& name) const { return given_.contains(name); }

private:
    std::set<std::string> given_;
};

/// 64 cells of all genes as the chunks want them: gene after gene, chunk after chunk.
struct Slab {
    LineBlock block;
    Bytes dense;
    std::vector<Bytes> chunks;
};

struct MatrixShape {
    std::uint64_t genes, cells, chunk_genes, chunk_cells;
    std::uint64_t chunk_count() const { return (genes + chunk_genes - 1) / chunk_genes; }
    std::uint64_t slab_values() const { return chunk_count() * chunk_genes * chunk_cells; }
};

/// Turns a slab's cells into columns of float32.
void fill_slab(Slab& slab, ValueType type, const MatrixShape& shape) {
    slab.dense.assign(shape.slab_values() * sizeof(float), std::byte{0});
    auto* const dense = reinterpret_cast<float*>(slab.dense.data());
    const LineBlock& block = slab.block;
    with_type(type, [&]<class T>(std::type_identity<T>) {
        const T* const values = block.values_as<T>();
        for (std::uint64_t line = 0; line < block.line_count(); ++line)
            for (std::uint64_t at = block.starts[line]; at < block.starts[line + 1]; ++at)
                dense[block.places[at] * shape.chunk_cells + line] = static_cast<float>(values[at]);
    });
}

class LoomFile {
public:
    LoomFile(H5Handle file, const Watch& watch, Tally& tally, Progress& progress)
        : file_(std::move(file)), watch_(watch), tally_(tally), progress_(progress) {}

    Result<void> write_head() {
        const H5Handle root{H5Gopen2(file_.id(), "/", H5P_DEFAULT), H5Gclose};
        TRY(h5_write_text_attribute(root, "CreationDate", loom_timestamp));
        TRY(h5_write_text_attribute(root, "LOOM_SPEC_VERSION", "2.0.1"));
        TRY(h5_write_text_attribute(root, "last_modified", loom_timestamp));
        for (const char* name : {"col_attrs", "col_graphs", "layers", "row_attrs", "row_graphs"}) {
            const H5Handle group = TRY(h5_make_group(file_.id(), name));
            TRY(h5_write_text_attribute(group, "last_modified", loom_timestamp));
        }
        return {};
    }

    Result<void> write_rows(const Frame& var) {
        AttributeNames names;
        TRY(names.give("Accession"));
        TRY(names.give("Gene"));
        TRY(write_loom_ids(file_.id(), "/row_attrs/Accession", var.index));
        const Column* gene = gene_name_column(var);
        if (gene != nullptr) {
            TRY(write_loom_attribute(file_.id(), "/row_attrs/Gene", *gene));
        } else {
            TRY(write_loom_ids(file_.id(), "/row_attrs/Gene", var.index));
        }
        // The matrix service had its key twice.
        if (var.index_name == "featurekey" && var.find("featurekey") == nullptr) {
            TRY(names.give("featurekey"));
            TRY(write_loom_ids(file_.id(), "/row_attrs/featurekey", var.index));
        }
        for (const Column& column : var.columns) {
            if (column.name == "Accession" || column.name == "Gene") continue;
            const std::string name = TRY(names.give(column.name));
            TRY(write_loom_attribute(file_.id(), "/row_attrs/" + name, column));
        }
        return {};
    }

    Result<void> write_columns(const AnnotatedData& data) {
        AttributeNames names;
        TRY(names.give("CellID"));
        TRY(write_loom_ids(file_.id(), "/col_attrs/CellID", data.obs.index));
        for (const Column& column : data.obs.columns) {
            if (column.name == "CellID") continue;
            const std::string name = TRY(names.give(column.name));
            TRY(write_loom_attribute(file_.id(), "/col_attrs/" + name, column));
        }
        for (const auto& [key, element] : data.obsm) {
            const auto* array = std::get_if<Array>(&element.value);
            if (array == nullptr || array->shape.size() != 2 || names.has(key)) continue;
            const std::string name = TRY(names.give(key));
            TRY(write_loom_array(file_.id(), "/col_attrs/" + name, *array));
        }
        return {};
    }

    Result<void> write_matrix(const std::string& path, MatrixSource& source, bool is_main) {
        const MatrixShape shape{source.gene_count(), source.cell_count(),
                                std::clamp<std::uint64_t>(source.gene_count(), 1, genes_a_chunk),
                                std::clamp<std::uint64_t>(source.cell_count(), 1, cells_a_chunk)};
        H5Storage storage;
        const bool empty = shape.genes == 0 || shape.cells == 0;
        if (!empty) storage = {{shape.chunk_genes, shape.chunk_cells}, loom_gzip_level};
        const std::uint64_t sizes[] = {shape.genes, shape.cells};
        const H5Handle dataset = TRY(
            h5_make_dataset(file_.id(), path, h5_type(ValueType::float32).id(), sizes, storage));
        TRY(h5_write_text_attribute(dataset, "last_modified", loom_timestamp));
        if (empty) return {};
        return write_slabs(dataset, source, shape, is_main);
    }

    Result<void> close() {
        if (!file_.close()) return fail(h5_error("writing", "the file's directory"));
        return {};
    }

private:
    Result<void> write_slabs(const H5Handle& dataset, MatrixSource& source,
                             const MatrixShape& shape, bool is_main) {
        const auto ranges = ranges_of_lines(shape.cells, shape.chunk_cells);
        std::vector<Slab> slabs(slots_for(shape.slab_values() * 6));
        const std::uint64_t chunk_bytes = shape.chunk_genes * shape.chunk_cells * sizeof(float);
        const auto make = [&](std::size_t i, std::size_t slot) -> Result<void> {
            Slab& slab = slabs[slot];
            TRY(read_range(source, ranges[i], {}, slab.block));
            if (is_main) tally_.add(slab.block, source.value_type());
            fill_slab(slab, source.value_type(), shape);
            slab.chunks.resize(shape.chunk_count());
            for (std::uint64_t chunk = 0; chunk < shape.chunk_count(); ++chunk)
                deflate_whole(ByteSpan(slab.dense).subspan(chunk * chunk_bytes, chunk_bytes),
                              Deflated::zlib, static_cast<int>(loom_gzip_level),
                              slab.chunks[chunk]);
            return {};
        };
        const auto take = [&](std::size_t i, std::size_t slot) -> Result<void> {
            for (std::uint64_t chunk = 0; chunk < shape.chunk_count(); ++chunk) {
                const Bytes& bytes = slabs[slot].chunks[chunk];
                const hsize_t at[] = {chunk * shape.chunk_genes, ranges[i].first};
                if (H5Dwrite_chunk(dataset.id(), H5P_DEFAULT, 0, at, bytes.size(), bytes.data()) <
                    0)
                    return fail(h5_error("writing", "a chunk of the matrix"));
            }
            progress_.add(static_cast<double>(ranges[i].count));
            return {};
        };
        return run_in_order(ranges.size(), slabs.size(), watch_, make, take);
    }

    H5Handle file_;
    const Watch& watch_;
    Tally& tally_;
    Progress& progress_;
};

}  // namespace

Result<WrittenMatrix> LoomWriter::write(const AnnotatedData& data, const fs::path& path,
                                        const WriteOptions& options, const Watch& watch) const {
    if (!options.compression.empty() && options.compression != "gzip")
        return fail(ErrorCode::unsupported, "loom files are always gzip");
    if (!options.layout.empty())
        return fail(ErrorCode::unsupported, "loom has but one layout; leave it out");
    TRY(check_data(data));
    MatrixSource* source = TRY(main_matrix(data, name()));
    PendingOutput output = TRY(PendingOutput::start(path));
    Tally tally(data.obs.row_count());
    Progress progress(watch, static_cast<double>(data.obs.row_count() * data.matrices.size()));
    LoomFile loom(TRY(h5_create_file(output.working_path())), watch, tally, progress);
    TRY(loom.write_head());
    TRY(loom.write_rows(data.var));
    TRY(loom.write_columns(data));
    TRY(loom.write_matrix("/matrix", *source, true));
    AttributeNames layers;
    for (const NamedMatrix& matrix : data.matrices) {
        if (!matrix.name.starts_with("layers/")) continue;
        const std::string layer = TRY(layers.give(std::string_view(matrix.name).substr(7)));
        TRY(loom.write_matrix("/layers/" + layer, *matrix.source, false));
    }
    TRY(loom.close());
    File file = TRY(File::open_to_write(output.working_path()));
    const std::uint64_t bytes = TRY(file.size());
    if (options.durable) TRY(file.sync());
    TRY(output.commit(options.durable));
    return WrittenMatrix{data.obs.row_count(), data.var.row_count(), tally.nonzeros(), tally.sum(),
                         bytes};
}

}  // namespace stroma::expression
