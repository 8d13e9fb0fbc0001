#include "expression/zarr/hca_layout.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "expression/output/value_types.h"
#include "expression/zarr/zarr_output.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t rows_a_chunk = 3000;
constexpr std::uint64_t chunk_bytes_max = 64u << 20;

class HcaLayout {
public:
    HcaLayout(ZarrFolder& folder, ZarrCodec codec) : folder_(folder), codec_(codec) {}

    /// A table of `columns` values a row (one-dimensional when `columns` is 0), in chunks of 3,000
    /// rows.
    Result<void> table(const std::string& name, std::uint64_t rows,
                       std::optional<std::uint64_t> columns, const std::string& dtype,
                       std::size_t value_bytes, const Bytes& bytes, std::string fill) {
        ZarrArray array;
        array.shape = {rows};
        array.chunks = {rows_a_chunk};
        if (columns) {
            array.shape.push_back(*columns);
            array.chunks.push_back(std::max<std::uint64_t>(1, *columns));
        }
        array.dtype = dtype;
        array.fill = std::move(fill);
        array.codec = codec_;
        array.value_bytes = std::min<std::size_t>(value_bytes, 255);
        TRY(folder_.add_array(name, array, {}));
        const std::uint64_t row_bytes = columns.value_or(1) * value_bytes;
        if (row_bytes == 0) return {};
        for (std::uint64_t first = 0; first < rows; first += rows_a_chunk) {
            const std::uint64_t count = std::min(rows_a_chunk, rows - first);
            const ByteSpan part = ByteSpan(bytes).subspan(first * row_bytes, count * row_bytes);
            Bytes chunk(part.begin(), part.end());
            chunk.resize(rows_a_chunk * row_bytes);
            TRY(folder_.add_chunk(name, array,
                                  std::to_string(first / rows_a_chunk) + (columns ? ".0" : ""),
                                  chunk));
        }
        return {};
    }

    Result<void> ids(const std::string& name, const TextArray& ids, std::size_t characters) {
        std::vector<std::string_view> texts;
        for (std::size_t i = 0; i < ids.size(); ++i) texts.push_back(ids[i]);
        const FixedTexts fixed = fixed_texts(texts, characters);
        return table(name, ids.size(), std::nullopt, fixed.dtype(), 4 * fixed.characters,
                     fixed.bytes, "\"\"");
    }

    Result<void> metadata(const Frame& obs) {
        std::vector<const Column*> numeric, text;
        TextArray numeric_names, text_names;
        for (const Column& column : obs.columns) {
            (column.is_numeric() ? numeric : text).push_back(&column);
            (column.is_numeric() ? numeric_names : text_names).push_back(column.name);
        }
        const std::uint64_t rows = obs.row_count();
        std::vector<float> numbers;
        std::vector<std::string> texts;
        for (std::uint64_t row = 0; row < rows; ++row) {
            for (const Column* column : numeric)
                numbers.push_back(column->is_missing(row)
                                      ? std::numeric_limits<float>::quiet_NaN()
                                      : static_cast<float>(
                                            std::get<Array>(column->values).number(row)));
            for (const Column* column : text) texts.push_back(column->text(row));
        }
        TRY(table("cell_metadata_numeric", rows, numeric.size(), "\"<f4\"", 4,
                  Array::of(numbers).bytes, "0.0"));
        TRY(ids("cell_metadata_numeric_name", numeric_names, 40));
        const FixedTexts fixed = fixed_texts({texts.begin(), texts.end()}, 64);
        TRY(table("cell_metadata_string", rows, text.size(), fixed.dtype(), 4 * fixed.characters,
                  fixed.bytes, "\"\""));
        return ids("cell_metadata_string_name", text_names, 40);
    }

    Result<void> expression(MatrixSource& source, Tally& tally, Progress& progress) {
        const std::uint64_t cells = source.cell_count(), genes = source.gene_count();
        ZarrArray array;
        const std::uint64_t row_bytes = std::max<std::uint64_t>(1, genes * sizeof(float));
        const std::uint64_t rows =
            std::clamp<std::uint64_t>(chunk_bytes_max / row_bytes, 1, rows_a_chunk);
        array.shape = {cells, genes};
        array.chunks = {rows, std::max<std::uint64_t>(1, genes)};
        array.dtype = "\"<f4\"";
        array.fill = "0.0";
        array.codec = codec_;
        array.value_bytes = sizeof(float);
        TRY(folder_.add_array("expression", array, {}));
        if (genes == 0) return {};
        const auto ranges = ranges_of_lines(cells, rows);
        LineBlock block;
        Bytes dense;
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            TRY(progress.check());
            dense.assign(rows * row_bytes, std::byte{0});
            for (std::uint64_t line = 0; line < ranges[i].count; line += 256) {
                const LineRange part{ranges[i].first + line,
                                     std::min<std::uint64_t>(256, ranges[i].count - line)};
                TRY(read_range(source, part, {}, block));
                tally.add(block, source.value_type());
                fill(block, source.value_type(), genes,
                     reinterpret_cast<float*>(dense.data()) + line * genes);
            }
            TRY(folder_.add_chunk("expression", array, std::to_string(i) + ".0", dense));
            progress.add(static_cast<double>(ranges[i].count));
        }
        return {};
    }

private:
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
                              ZarrCodec codec, Tally& tally, Progress& progress) {
    HcaLayout layout(folder, codec);
    TRY(folder.add_group("", {}));
    TRY(layout.ids("cell_id", data.obs.index, 64));
    TRY(layout.ids("gene_id", data.var.index, 40));
    TRY(layout.metadata(data.obs));
    return layout.expression(source, tally, progress);
}

}  // namespace stroma::expression
