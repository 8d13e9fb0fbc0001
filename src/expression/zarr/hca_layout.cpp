#include "expression/zarr/hca_layout.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>

#include "expression/output/value_types.h"
#include "expression/zarr/block_packing.h"
#include "expression/zarr/zarr_output.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t rows_a_chunk = 3000;
// Blosc counts with 31 bits; leave room for what doesn't get smaller.
constexpr std::uint64_t planned_chunk_bytes_max = (1u << 31) - (1u << 24);
constexpr std::uint64_t block_bytes_max = 1u << 19;

class HcaLayout {
public:
    HcaLayout(ZarrFolder& folder, ZarrCodec codec) : folder_(folder), codec_(codec) {}

    /// A table in chunks of 3,000 rows, of which `rows_of` gives each one's bytes. Without
    /// `columns` it has one dimension.
    struct Table {
        std::uint64_t rows = 0;
        std::optional<std::uint64_t> columns;
        std::string dtype, fill;
        std::size_t value_bytes = 1;
    };
    Result<void> table(const std::string& name, const Table& table,
                       const std::function<Bytes(LineRange)>& rows_of) {
        ZarrDescription array;
        array.shape = {table.rows};
        array.chunks = {rows_a_chunk};
        if (table.columns) {
            array.shape.push_back(*table.columns);
            array.chunks.push_back(std::max<std::uint64_t>(1, *table.columns));
        }
        array.dtype = table.dtype;
        array.fill = table.fill;
        array.codec = codec_;
        array.value_bytes = std::min<std::size_t>(table.value_bytes, 255);
        TRY(folder_.add_array(name, array, {}));
        const std::uint64_t row_bytes = table.columns.value_or(1) * table.value_bytes;
        if (row_bytes == 0) return {};
        for (const LineRange range : ranges_of_lines(table.rows, rows_a_chunk)) {
            Bytes chunk = rows_of(range);
            chunk.resize(rows_a_chunk * row_bytes);
            const std::string number = std::to_string(range.first / rows_a_chunk);
            TRY(folder_.add_chunk(name, array, number + (table.columns ? ".0" : ""), chunk));
        }
        return {};
    }

    Result<void> ids(const std::string& name, const TextArray& ids, std::size_t characters) {
        for (std::size_t i = 0; i < ids.size(); ++i)
            characters = std::max(characters, character_count(ids[i]));
        const Table form{ids.size(), std::nullopt, unicode_dtype(characters), "\"\"",
                         4 * characters};
        return table(name, form, [&](LineRange range) {
            std::vector<std::string_view> texts;
            for (std::uint64_t i = 0; i < range.count; ++i) texts.push_back(ids[range.first + i]);
            return fixed_texts(texts, characters).bytes;
        });
    }

    Result<void> metadata(const Frame& obs) {
        std::vector<const Column*> numeric, text;
        TextArray numeric_names, text_names;
        for (const Column& column : obs.columns) {
            (column.is_numeric() ? numeric : text).push_back(&column);
            (column.is_numeric() ? numeric_names : text_names).push_back(column.name);
        }
        TRY(numbers(obs.row_count(), numeric));
        TRY(ids("cell_metadata_numeric_name", numeric_names, 40));
        TRY(texts(obs.row_count(), text));
        return ids("cell_metadata_string_name", text_names, 40);
    }

    Result<void> expression(MatrixSource& source, const Watch& watch, Tally& tally,
                            Progress& progress) {
        const std::uint64_t cells = source.cell_count(), genes = source.gene_count();
        const std::uint64_t row_bytes = std::max<std::uint64_t>(1, genes) * sizeof(float);
        std::uint64_t rows = rows_a_chunk;
        while (rows > 1 && rows * row_bytes > planned_chunk_bytes_max) rows /= 2;
        ZarrDescription array;
        array.shape = {cells, genes};
        array.chunks = {rows, std::max<std::uint64_t>(1, genes)};
        array.dtype = "\"<f4\"";
        array.fill = "0.0";
        array.codec = codec_;
        array.value_bytes = sizeof(float);
        TRY(folder_.add_array("expression", array, {}));
        if (genes == 0 || cells == 0) return {};
        return expression_chunks(source, rows, watch, tally, progress);
    }

private:
    Result<void> numbers(std::uint64_t rows, const std::vector<const Column*>& columns) {
        const Table form{rows, columns.size(), "\"<f4\"", "0.0", sizeof(float)};
        return table("cell_metadata_numeric", form, [&](LineRange range) {
            std::vector<float> values;
            for (std::uint64_t row = range.first; row < range.first + range.count; ++row)
                for (const Column* column : columns)
                    values.push_back(
                        column->is_missing(row)
                            ? std::numeric_limits<float>::quiet_NaN()
                            : static_cast<float>(std::get<Array>(column->values).number(row)));
            return Array::of(values).bytes;
        });
    }

    Result<void> texts(std::uint64_t rows, const std::vector<const Column*>& columns) {
        std::size_t characters = 64;
        for (const Column* column : columns)
            for (std::uint64_t row = 0; row < rows; ++row)
                characters = std::max(characters, character_count(column->text(row)));
        const Table form{rows, columns.size(), unicode_dtype(characters), "\"\"", 4 * characters};
        return table("cell_metadata_string", form, [&](LineRange range) {
            std::vector<std::string> values;
            for (std::uint64_t row = range.first; row < range.first + range.count; ++row)
                for (const Column* column : columns) values.push_back(column->text(row));
            return fixed_texts({values.begin(), values.end()}, characters).bytes;
        });
    }

    struct Block {
        LineBlock lines;
        Bytes dense, packed;
    };

    /// Blocks of whole rows, equally many in each chunk; those past the last cell are zeros.
    Result<void> expression_chunks(MatrixSource& source, std::uint64_t rows, const Watch& watch,
                                   Tally& tally, Progress& progress) {
        const std::uint64_t cells = source.cell_count(), genes = source.gene_count();
        std::uint64_t block_rows = rows;
        while (block_rows * genes * sizeof(float) > block_bytes_max && block_rows > 1)
            for (--block_rows; rows % block_rows != 0;) --block_rows;
        const std::uint64_t blocks_a_chunk = rows / block_rows;
        const BlockPacking packing(codec_, sizeof(float), block_rows * genes * sizeof(float));
        const auto ranges = ranges_of_lines(cells, block_rows);
        std::vector<Block> blocks(slots_for(4 * block_rows * genes * sizeof(float)));
        const auto make = [&](std::size_t i, std::size_t slot) -> Result<void> {
            Block& block = blocks[slot];
            TRY(read_range(source, ranges[i], {}, block.lines));
            tally.add(block.lines, source.value_type());
            block.dense.assign(block_rows * genes * sizeof(float), std::byte{0});
            fill(block.lines, source.value_type(), genes,
                 reinterpret_cast<float*>(block.dense.data()));
            packing.pack(block.dense, block.packed);
            return {};
        };
        File file;
        std::uint64_t at = 0;
        std::vector<std::size_t> sizes;
        const auto add = [&](const Bytes& packed) -> Result<void> {
            TRY(file.write_at(at, packed));
            at += packed.size();
            sizes.push_back(packed.size());
            return {};
        };
        const auto take = [&](std::size_t i, std::size_t slot) -> Result<void> {
            if (i % blocks_a_chunk == 0) {
                file = TRY(
                    folder_.make_chunk("expression", std::to_string(i / blocks_a_chunk) + ".0"));
                at = packing.head_bytes(blocks_a_chunk);
                sizes.clear();
            }
            TRY(add(blocks[slot].packed));
            progress.add(static_cast<double>(ranges[i].count));
            if (i + 1 == ranges.size())
                while (sizes.size() < blocks_a_chunk) TRY(add(packing.zeros()));
            if (sizes.size() < blocks_a_chunk) return {};
            TRY(file.write_at(0, packing.head(sizes)));
            return folder_.finish_chunk(file, at);
        };
        return run_in_order(ranges.size(), blocks.size(), watch, make, take);
    }

    static void fill(const LineBlock& block, ValueType type, std::uint64_t genes, float* lines) {
        with_type(type, [&]<class T>(std::type_identity<T>) {
            const T* const values = block.values_as<T>();
            for (std::uint64_t line = 0; line < block.line_count(); ++line)
                for (std::uint64_t at = block.starts[line]; at < block.starts[line + 1]; ++at)
                    lines[line * genes + block.places[at]] = static_cast<float>(values[at]);
        });
    }

    ZarrFolder& folder_;
    ZarrCodec codec_;
};

}  // namespace

Result<void> write_hca_layout(const AnnotatedData& data, MatrixSource& source, ZarrFolder& folder,
                              ZarrCodec codec, const Watch& watch, Tally& tally,
                              Progress& progress) {
    HcaLayout layout(folder, codec);
    TRY(folder.add_group("", {}));
    TRY(layout.ids("cell_id", data.obs.index, 64));
    TRY(layout.ids("gene_id", data.var.index, 40));
    TRY(layout.metadata(data.obs));
    return layout.expression(source, watch, tally, progress);
}

}  // namespace stroma::expression
