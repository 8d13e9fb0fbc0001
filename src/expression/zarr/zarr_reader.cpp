#include "expression/zarr/zarr_reader.h"
#include "expression/keeping_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "expression/text/table.h"
#include "expression/zarr/hca_zarr.h"
#include "expression/zarr/spatial_table.h"
#include "expression/zarr/zarr_elements.h"
#include "expression/zarr/zarr_matrix.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t element_bytes_max = std::uint64_t{2} << 30;
constexpr std::uint64_t cells_max = 2147483647, genes_max = 1u << 24;

/// Opens one matrix of AnnData's layout, dense or sparse, and checks its shape.
Result<std::unique_ptr<MatrixSource>> open_matrix(const std::shared_ptr<const ZarrStore>& store,
                                                  const ZarrElements& elements,
                                                  const std::string& path, std::uint64_t cells,
                                                  std::uint64_t genes) {
    std::unique_ptr<MatrixSource> source;
    if (has_zarr_array(*store, path)) {
        source = TRY(open_dense_zarr(*store, path));
    } else {
        std::string kind = TRY(elements.encoding(path));
        if (kind.empty() && has_zarr_array(*store, path + "/indptr")) kind = "csr_matrix";
        if (kind != "csr_matrix" && kind != "csc_matrix")
            return fail(ErrorCode::unsupported,
                        fmt::format("{}: encoding '{}' not known", path, kind));
        const std::vector<std::uint64_t> shape = TRY(elements.sparse_shape(path));
        if (shape[0] != cells || shape[1] != genes)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} is {} × {}, but obs has {} rows and its genes are {}", path,
                                    shape[0], shape[1], cells, genes));
        source = TRY(open_sparse_zarr(
            *store, path, kind == "csr_matrix" ? Order::by_cell : Order::by_gene, cells, genes));
    }
    if (source->cell_count() != cells || source->gene_count() != genes)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} is {} × {}, but obs has {} rows and its genes are {}", path,
                                source->cell_count(), source->gene_count(), cells, genes));
    return keeping(store, std::move(source));
}

/// First axis lengths of what lies in obsm or varm must be the frame's.
Result<void> check_rows(const Dict& dict, std::string_view name, std::uint64_t rows) {
    for (const auto& [key, element] : dict) {
        std::uint64_t length = rows;
        if (const auto* array = std::get_if<Array>(&element.value))
            length = array->shape.empty() ? 0 : array->shape[0];
        if (const auto* frame = std::get_if<Frame>(&element.value)) length = frame->row_count();
        if (const auto* sparse = std::get_if<SparseArray>(&element.value)) length = sparse->rows;
        if (length != rows)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}/{} has {} rows where {} are due", name, key, length, rows));
    }
    return {};
}

Result<void> read_annotations(const ZarrStore& store, const ZarrElements& elements,
                              AnnotatedData& data) {
    const std::uint64_t cells = data.obs.row_count(), genes = data.var.row_count();
    const std::tuple<const char*, Dict*, std::uint64_t> parts[] = {{"obsm", &data.obsm, cells},
                                                                   {"varm", &data.varm, genes},
                                                                   {"obsp", &data.obsp, cells},
                                                                   {"varp", &data.varp, genes}};
    for (const auto& [name, into, rows] : parts) {
        if (!store.has_group(name)) continue;
        *into = TRY(elements.read_dict(name));
        TRY(check_rows(*into, name, rows));
    }
    if (store.has_group("uns")) data.uns = TRY(elements.read_dict("uns"));
    return {};
}

Result<void> read_raw(const std::shared_ptr<const ZarrStore>& store, const ZarrElements& elements,
                      AnnotatedData& data) {
    if (!store->has_group("raw/X") || !store->has_group("raw/var")) return {};
    data.raw_var = TRY(elements.read_frame("raw/var"));
    auto source =
        TRY(open_matrix(store, elements, "raw/X", data.obs.row_count(), data.raw_var->row_count()));
    data.matrices.push_back({"raw.X", Unit::unknown, std::move(source)});
    if (store->has_group("raw/varm")) data.raw_varm = TRY(elements.read_dict("raw/varm"));
    return {};
}

Result<AnnotatedData> read_anndata(const std::shared_ptr<const ZarrStore>& store,
                                   const ReadOptions& options) {
    const ZarrElements elements(*store, element_bytes_max);
    AnnotatedData data;
    data.obs = TRY(elements.read_frame("obs"));
    data.var = TRY(elements.read_frame("var"));
    const std::uint64_t cells = data.obs.row_count(), genes = data.var.row_count();
    if (cells > cells_max || genes > genes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: {} cells × {} genes; the limit is {} × {}", store->name(),
                                cells, genes, cells_max, genes_max));
    TRY(settle_ids(data.obs.index, "cell", "obs", options.make_ids_unique, data.notes));
    TRY(settle_ids(data.var.index, "gene", "var", options.make_ids_unique, data.notes));
    if (store->has_group("X")) {
        auto source = TRY(open_matrix(store, elements, "X", cells, genes));
        data.matrices.push_back({"X", Unit::unknown, std::move(source)});
    }
    TRY(read_raw(store, elements, data));
    for (const std::string& name : store->children("layers")) {
        auto source = TRY(open_matrix(store, elements, "layers/" + name, cells, genes));
        data.matrices.push_back({"layers/" + name, Unit::unknown, std::move(source)});
    }
    TRY(read_annotations(*store, elements, data));
    return data;
}

/// Whether a file begins as zip archives do: one that can't be opened is told why.
bool begins_as_zip(InputFiles& files) {
    if (files.is_folder()) return false;
    const auto file = files.open(files.name());
    std::byte first[4];
    if (!file || !file->read_at(0, first)) return false;
    const auto mark = load<std::uint32_t>(first);
    return mark == 0x04034b50 || mark == 0x06054b50;  // its first member, or its end when empty
}

std::string others_text(const SpatialTable& table) {
    if (table.others.empty()) return "";
    return fmt::format("; {} left out", fmt::join(table.others, ", "));
}

class ZarrReader final : public FormatReader {
public:
    std::string_view name() const override { return "zarr"; }

    bool recognises(InputFiles& files) const override {
        auto store = ZarrStore::open(files);
        if (!store) return begins_as_zip(files);
        if (enter_hca_layout(**store)) return true;
        if ((*store)->has_group("obs")) return (*store)->has_group("var");
        const auto table = find_spatial_table(**store);
        return !table || table->has_value();
    }

    Result<AnnotatedData> read(InputFiles& files, const ReadOptions& options) const override {
        std::unique_ptr<ZarrStore> opened = TRY(ZarrStore::open(files));
        const bool is_hca = enter_hca_layout(*opened);
        const auto table = is_hca ? std::nullopt : TRY(find_spatial_table(*opened));
        if (table) opened->enter(table->path);
        const std::shared_ptr<const ZarrStore> store = std::move(opened);
        if (is_hca) return read_hca_zarr(store, options);
        if (!store->has_group("obs") || !store->has_group("var"))
            return fail(ErrorCode::invalid_input,
                        files.name() +
                            ": a Zarr group without obs and var, without tables, and without "
                            "the HCA's expression, cell_id and gene_id");
        AnnotatedData data = TRY(read_anndata(store, options));
        if (table)
            data.notes.push_back(
                fmt::format("the dataset is the store's '{}'{}", table->path, others_text(*table)));
        return data;
    }
};

}  // namespace

std::unique_ptr<FormatReader> make_zarr_reader() { return std::make_unique<ZarrReader>(); }

}  // namespace stroma::expression
