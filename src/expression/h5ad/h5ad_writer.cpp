#include "expression/h5ad/h5ad_writer.h"

#include <algorithm>

#include "base/threads.h"
#include "expression/h5ad/h5ad_store.h"
#include "expression/output/pending_output.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_a_write = 1u << 18;
constexpr std::uint64_t dense_write_bytes = 1u << 20;

/// Fills a matrix's room in the file; each thread writes at its cells' own place.
class Filler {
public:
    Filler(File& file, Tally& tally, Progress& progress)
        : file_(file), tally_(tally), progress_(progress) {}

    Result<void> fill(const MatrixPlace& place) {
        MatrixSource& source = *place.source;
        const bool dense = source.was_dense();
        const std::uint64_t row_bytes = source.gene_count() * size_of(source.value_type());
        if (dense && row_bytes == 0) return {};
        const auto ranges =
            dense ? ranges_of_lines(source.cell_count(),
                                    std::max<std::uint64_t>(1, dense_write_bytes / row_bytes))
                  : ranges_of_values(place.starts, values_a_write);
        return parallel_for(ranges.size(), [&](std::size_t i) -> Result<void> {
            TRY(progress_.check());
            auto block = pool_.take();
            TRY(read_range(source, ranges[i], place.starts, *block));
            if (place.is_main) tally_.add(*block, source.value_type());
            TRY(dense ? write_dense(place, *block) : write_sparse(place, *block));
            pool_.give_back(std::move(block));
            progress_.add(static_cast<double>(ranges[i].count));
            return {};
        });
    }

private:
    Result<void> write_sparse(const MatrixPlace& place, const LineBlock& block) {
        const std::uint64_t before = place.starts[block.first_line];
        if (block.places.empty()) return {};
        TRY(file_.write_at(place.values_at + before * size_of(place.source->value_type()),
                           block.values));
        // Gene numbers are below 2^31, so uint32 here is int32 there.
        return file_.write_at(place.places_at + before * sizeof(std::int32_t),
                              std::as_bytes(std::span(block.places)));
    }

    Result<void> write_dense(const MatrixPlace& place, const LineBlock& block) {
        const MatrixSource& source = *place.source;
        Bytes lines;
        spread(block, source.value_type(), source.gene_count(), lines);
        return file_.write_at(
            place.values_at + block.first_line * source.gene_count() * size_of(source.value_type()),
            lines);
    }

    File& file_;
    Tally& tally_;
    Progress& progress_;
    BlockPool pool_;
};

}  // namespace

Result<WrittenMatrix> H5adWriter::write(const AnnotatedData& data, const fs::path& path,
                                        const WriteOptions& options, const Watch& watch) const {
    const std::string& compression = options.compression;
    if (!compression.empty() && compression != "none" && compression != "gzip")
        return fail(ErrorCode::unsupported,
                    "h5ad compression '" + compression + "' is not known; use none or gzip");
    if (!options.layout.empty())
        return fail(ErrorCode::unsupported, "h5ad has but one layout; leave it out");
    TRY(check_data(data));
    PendingOutput output = TRY(PendingOutput::start(path));
    Tally tally(data.obs.row_count());
    Progress progress(watch, static_cast<double>(data.obs.row_count() * data.matrices.size()));

    const auto store = TRY(
        H5adStore::create(output.working_path(), compression == "gzip", watch, tally, progress));
    TRY(write_anndata_layout(data, *store));
    TRY(store->close());
    File file = TRY(File::open_to_write(output.working_path()));
    Filler filler(file, tally, progress);
    for (const MatrixPlace& place : store->places()) TRY(filler.fill(place));
    const std::uint64_t bytes = TRY(file.size());
    if (options.durable) TRY(file.sync());
    TRY(output.commit(options.durable));
    return WrittenMatrix{data.obs.row_count(), data.var.row_count(), tally.nonzeros(), tally.sum(),
                         bytes};
}

}  // namespace stroma::expression
