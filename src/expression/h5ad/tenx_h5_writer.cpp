#include "expression/h5ad/tenx_h5_writer.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "base/threads.h"
#include "base/usual_or_tiny.h"
#include "expression/line_value.h"
#include "expression/output/frame_text.h"
#include "expression/output/h5.h"
#include "expression/output/matrix_lines.h"
#include "expression/output/ordered_work.h"
#include "expression/output/pending_output.h"
#include "expression/output/value_types.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_a_piece = usual_or_tiny(1u << 18, 61u);
constexpr unsigned tenx_gzip_level = 4;

/// Texts padded with zeros to the length of the longest.
Result<void> write_fixed_texts(hid_t file, const std::string& path, const TextArray& texts) {
    std::size_t width = 1;
    for (std::size_t i = 0; i < texts.size(); ++i) width = std::max(width, texts[i].size());
    std::string padded(width * texts.size(), '\0');
    for (std::size_t i = 0; i < texts.size(); ++i)
        std::copy(texts[i].begin(), texts[i].end(),
                  padded.begin() + static_cast<std::ptrdiff_t>(i * width));
    const H5Handle type{H5Tcopy(H5T_C_S1), H5Tclose};
    H5Tset_size(type.id(), width);
    H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
    const std::uint64_t shape[] = {texts.size()};
    const H5Handle dataset = TRY(h5_make_dataset(file, path, type.id(), shape));
    return texts.empty() ? Result<void>() : h5_write(dataset, type.id(), padded.data(), path);
}

/// A column's texts, or what stands for them where it is absent or empty.
TextArray texts_of(const Frame& frame, const Column* column, std::string_view otherwise) {
    TextArray texts;
    for (std::size_t row = 0; row < frame.row_count(); ++row) {
        const std::string text = column == nullptr ? "" : column->text(row);
        const std::string_view instead = otherwise.empty() ? frame.index[row] : otherwise;
        texts.push_back(text.empty() ? instead : text);
    }
    return texts;
}

Result<void> write_features(hid_t file, const Frame& var) {
    TRY(h5_make_group(file, "matrix/features"));
    TRY(write_fixed_texts(file, "matrix/features/id", var.index));
    TRY(write_fixed_texts(file, "matrix/features/name", texts_of(var, gene_name_column(var), "")));
    TRY(write_fixed_texts(file, "matrix/features/feature_type",
                          texts_of(var, var.find("feature_types"), "Gene Expression")));
    const Column* genome = var.find("genome");
    if (genome == nullptr) genome = var.find("genus_species");
    TRY(write_fixed_texts(file, "matrix/features/genome", texts_of(var, genome, "unknown")));
    return write_fixed_texts(file, "matrix/features/_all_tag_keys", TextArray{"genome"});
}

bool fits_int32(double value) {
    return value == std::trunc(value) &&
           std::fabs(value) <= std::numeric_limits<std::int32_t>::max();
}

/// Whether every value can be an int32, which 10x's own files hold.
Result<bool> all_whole(MatrixSource& source, std::span<const LineRange> ranges,
                       std::span<const std::uint64_t> starts, const Watch& watch) {
    const ValueType type = source.value_type();
    std::atomic<bool> whole{true};
    BlockPool pool;
    const auto look = [&](std::size_t i) -> Result<void> {
        if (!whole) return {};
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the export was cancelled");
        auto block = pool.take();
        TRY(read_range(source, ranges[i], starts, *block));
        for (std::size_t at = 0; at < block->places.size(); ++at)
            if (!fits_int32(number_at(*block, type, at))) whole = false;
        pool.give_back(std::move(block));
        return {};
    };
    TRY(parallel_for(ranges.size(), look));
    return whole.load();
}

/// The values and their places, piece behind piece.
class Values {
public:
    Values(hid_t file, MatrixSource& source, const WriteOptions& options)
        : file_(file), source_(source), gzip_(options.compression == "gzip") {}

    Result<WrittenMatrix> write(const Watch& watch) {
        const auto starts = TRY(line_starts(source_, watch));
        const auto ranges = ranges_of_values(starts, values_a_piece);
        const bool whole = TRY(all_whole(source_, ranges, starts, watch));
        type_ = whole ? ValueType::int32 : source_.value_type();
        TRY(write_starts(starts));
        const std::uint64_t shape[] = {starts.back()};
        H5Storage storage;
        if (gzip_ && starts.back() > 0)
            storage = {{std::min<hsize_t>(starts.back(), values_a_piece)}, tenx_gzip_level};
        const H5Handle data =
            TRY(h5_make_dataset(file_, "matrix/data", h5_type(type_).id(), shape, storage));
        const H5Handle indices = TRY(h5_make_dataset(
            file_, "matrix/indices", h5_type(ValueType::int64).id(), shape, storage));
        Tally tally(source_.cell_count());
        Progress progress(watch, static_cast<double>(source_.cell_count()));
        std::vector<Piece> pieces(slots_for(values_a_piece * 24));
        const auto make = [&](std::size_t i, std::size_t slot) -> Result<void> {
            Piece& piece = pieces[slot];
            TRY(read_range(source_, ranges[i], starts, piece.block));
            tally.add(piece.block, source_.value_type());
            convert(piece);
            return {};
        };
        const auto take = [&](std::size_t i, std::size_t slot) -> Result<void> {
            const Piece& piece = pieces[slot];
            const std::uint64_t count = piece.places.size(), first = starts[ranges[i].first];
            progress.add(static_cast<double>(ranges[i].count));
            if (count == 0) return {};
            TRY(h5_write_rows(data, h5_type(type_).id(), first, count, piece.values.data(),
                              "matrix/data"));
            return h5_write_rows(indices, h5_type(ValueType::int64).id(), first, count,
                                 piece.places.data(), "matrix/indices");
        };
        TRY(run_in_order(ranges.size(), pieces.size(), watch, make, take));
        return WrittenMatrix{source_.cell_count(), source_.gene_count(), tally.nonzeros(),
                             tally.sum(), 0};
    }

private:
    struct Piece {
        LineBlock block;
        Bytes values;
        std::vector<std::int64_t> places;
    };
    Result<void> write_starts(const std::vector<std::uint64_t>& starts) {
        TRY(h5_write_array(file_, "matrix/indptr",
                           Array::of(std::vector<std::int64_t>(starts.begin(), starts.end()))));
        const std::vector<std::int32_t> shape = {static_cast<std::int32_t>(source_.gene_count()),
                                                 static_cast<std::int32_t>(source_.cell_count())};
        TRY(h5_write_array(file_, "matrix/shape", Array::of(shape)));
        return {};
    }
    void convert(Piece& piece) {
        const LineBlock& block = piece.block;
        piece.places.assign(block.places.begin(), block.places.end());
        if (type_ == source_.value_type()) {
            piece.values = block.values;
            return;
        }
        piece.values.resize(block.places.size() * sizeof(std::int32_t));
        for (std::size_t at = 0; at < block.places.size(); ++at)
            store(piece.values.data() + at * sizeof(std::int32_t),
                  static_cast<std::int32_t>(number_at(block, source_.value_type(), at)));
    }
    hid_t file_;
    MatrixSource& source_;
    const bool gzip_;
    ValueType type_ = ValueType::int32;
};

}  // namespace

Result<WrittenMatrix> TenxH5Writer::write(const AnnotatedData& data, const fs::path& path,
                                          const WriteOptions& options, const Watch& watch) const {
    const std::string& compression = options.compression;
    if (!compression.empty() && compression != "none" && compression != "gzip")
        return fail(ErrorCode::unsupported,
                    "10x compression '" + compression + "' is not known; use none or gzip");
    if (!options.layout.empty())
        return fail(ErrorCode::unsupported, "10x has but one layout; leave it out");
    TRY(check_data(data));
    MatrixSource* source = TRY(main_matrix(data, name()));
    PendingOutput output = TRY(PendingOutput::start(path));
    H5Handle file = TRY(h5_create_file(output.working_path()));
    TRY(h5_make_group(file.id(), "matrix"));
    TRY(write_fixed_texts(file.id(), "matrix/barcodes", data.obs.index));
    TRY(write_features(file.id(), data.var));
    WrittenMatrix written = TRY(Values(file.id(), *source, options).write(watch));
    if (!file.close()) return fail(h5_error("writing", "the file's directory"));
    File finished = TRY(File::open_to_write(output.working_path()));
    written.bytes = TRY(finished.size());
    if (options.durable) TRY(finished.sync());
    TRY(output.commit(options.durable));
    return written;
}

}  // namespace stroma::expression
