#include "expression/zarr/hca_zarr.h"

#include <fmt/format.h>

#include "expression/keeping_source.h"
#include "expression/text/table.h"
#include "expression/zarr/zarr_array.h"
#include "expression/zarr/zarr_matrix.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t metadata_bytes_max = std::uint64_t{2} << 30;

/// One column of a [rows, names] array.
Array column_of(const Array& grid, std::uint64_t column) {
    const std::uint64_t rows = grid.shape[0], width = grid.shape[1];
    const std::size_t bytes = size_of(grid.type);
    Array out{grid.type, {rows}, Bytes(rows * bytes)};
    for (std::uint64_t r = 0; r < rows; ++r)
        std::memcpy(out.bytes.data() + r * bytes, grid.bytes.data() + (r * width + column) * bytes,
                    bytes);
    return out;
}

/// Adds <axis>_metadata_<kind>, whose columns <axis>_metadata_<kind>_name names.
Result<void> add_metadata(const ZarrStore& store, const std::string& group, Frame& frame,
                          std::vector<std::string>& notes) {
    if (!store.has(group + "/.zarray") || !store.has(group + "_name/.zarray")) return {};
    const ZarrArray values = TRY(open_zarr_array(store, group));
    const ZarrArray name_array = TRY(open_zarr_array(store, group + "_name"));
    const TextArray names = TRY(read_zarr_texts(store, name_array, metadata_bytes_max));
    if (values.shape != std::vector<std::uint64_t>{frame.row_count(), names.size()})
        return fail(ErrorCode::invalid_input, fmt::format("{}: its shape is not {} rows × {} names",
                                                          group, frame.row_count(), names.size()));
    if (names.size() > 2000) return fail(ErrorCode::exhausted, group + ": more than 2000 columns");
    if (holds_texts(values)) {
        const TextArray grid = TRY(read_zarr_texts(store, values, metadata_bytes_max));
        for (std::size_t c = 0; c < names.size(); ++c) {
            TextArray texts;
            for (std::size_t r = 0; r < frame.row_count(); ++r)
                texts.push_back(grid[r * names.size() + c]);
            add_column(frame, {std::string(names[c]), std::move(texts), {}}, notes);
        }
        return {};
    }
    const Array grid = TRY(read_zarr_numbers(store, values, metadata_bytes_max));
    for (std::size_t c = 0; c < names.size(); ++c)
        add_column(frame, {std::string(names[c]), column_of(grid, c), {}}, notes);
    return {};
}

Result<Frame> read_axis(const ZarrStore& store, const std::string& axis,
                        std::vector<std::string>& notes) {
    Frame frame;
    frame.index_name = axis + "_id";
    const ZarrArray ids = TRY(open_zarr_array(store, axis + "_id"));
    frame.index = TRY(read_zarr_texts(store, ids, metadata_bytes_max));
    for (const char* kind : {"numeric", "float", "bool", "string"})
        TRY(add_metadata(store, axis + "_metadata_" + kind, frame, notes));
    return frame;
}

/// The matrix cut to the first cells: a fixture whose cell_id was shortened keeps the rest of its
/// expression array. Its chunks are dense, its few counts are not: it isn't called dense, because
/// written out so it would be gigabytes of zeros.
class FirstCells final : public MatrixSource {
public:
    FirstCells(std::unique_ptr<MatrixSource> source, std::uint64_t cells)
        : source_(std::move(source)), cells_(cells) {}
    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return source_->gene_count(); }
    ValueType value_type() const override { return source_->value_type(); }
    Order order() const override { return Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return source_->lines_per_read(); }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        return source_->read_lines(first, count, out);
    }

private:
    std::unique_ptr<MatrixSource> source_;
    std::uint64_t cells_;
};

}  // namespace

bool enter_hca_layout(ZarrStore& store) {
    const auto is_here = [&](const std::string& prefix) {
        return store.has(prefix + "expression/.zarray") && store.has(prefix + "cell_id/.zarray") &&
               store.has(prefix + "gene_id/.zarray");
    };
    if (is_here("")) return true;
    if (!is_here("expression_matrix/")) return false;
    store.enter("expression_matrix");
    return true;
}

Result<AnnotatedData> read_hca_zarr(std::shared_ptr<const ZarrStore> store,
                                    const ReadOptions& options, bool accepts_fewer_ids) {
    AnnotatedData data;
    const auto matrix = TRY(open_zarr_array(*store, "expression"));
    auto source = TRY(open_dense_zarr(*store, "expression"));
    data.obs = Frame{};
    // A cell_id array shorter than the matrix names its first cells; metadata is cut alike.
    const ZarrArray ids = TRY(open_zarr_array(*store, "cell_id"));
    const std::uint64_t cells = ids.shape.size() == 1 ? ids.shape[0] : 0;
    if (cells == matrix.shape[0]) {
        data.obs = TRY(read_axis(*store, "cell", data.notes));
    } else if (cells < matrix.shape[0] && accepts_fewer_ids) {
        data.notes.push_back(
            fmt::format("cell_id names the first {} of {} cells of the matrix; "
                        "the others are left out",
                        cells, matrix.shape[0]));
        Frame all;
        for (std::uint64_t i = 0; i < matrix.shape[0]; ++i) all.index.push_back("");
        for (const char* kind : {"numeric", "float", "bool", "string"})
            TRY(add_metadata(*store, std::string("cell_metadata_") + kind, all, data.notes));
        std::vector<std::uint32_t> rows(cells);
        for (std::uint32_t i = 0; i < cells; ++i) rows[i] = i;
        data.obs = all.take(rows);
        data.obs.index_name = "cell_id";
        data.obs.index = TRY(read_zarr_texts(*store, ids, metadata_bytes_max));
    } else {
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: cell_id has {} ids, but expression has {} cells",
                                store->name(), cells, matrix.shape[0]));
    }
    data.var = TRY(read_axis(*store, "gene", data.notes));
    if (data.var.row_count() != matrix.shape[1])
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: gene_id has {} ids, but expression has {} genes",
                                store->name(), data.var.row_count(), matrix.shape[1]));
    TRY(settle_ids(data.obs.index, "cell", store->place("cell_id/.zarray"), options.make_ids_unique,
                   data.notes));
    TRY(settle_ids(data.var.index, "gene", store->place("gene_id/.zarray"), options.make_ids_unique,
                   data.notes));
    source = std::make_unique<FirstCells>(std::move(source), cells);
    data.matrices.push_back({"X", Unit::unknown, keeping(store, std::move(source))});
    return data;
}

}  // namespace stroma::expression
