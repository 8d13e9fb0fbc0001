#include "expression/h5ad/h5ad_writer.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <vector>

#include "base/threads.h"
#include "expression/h5ad/h5ad_store.h"
#include "expression/output/pending_output.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_a_write = 1u << 18;
constexpr std::uint64_t dense_write_bytes = 1u << 20;

/// Which ranges of a matrix are written, so that it's known up to where none is missing.
class WrittenRanges {
public:
    explicit WrittenRanges(std::size_t count) : written_(count) {}
    /// Calls `rose` with how many ranges from the first on are written, when that grew.
    void add(std::size_t range, const std::function<void(std::size_t)>& rose) {
        const std::lock_guard lock(mutex_);
        written_[range] = true;
        const std::size_t before = first_missing_;
        while (first_missing_ < written_.size() && written_[first_missing_]) ++first_missing_;
        if (first_missing_ > before) rose(first_missing_);
    }

private:
    std::mutex mutex_;
    std::vector<bool> written_;
    std::size_t first_missing_ = 0;
};

/// Where a matrix's room begins.
std::uint64_t room_at(const MatrixPlace& place) {
    return place.source->was_dense() ? place.values_at : std::min(place.values_at, place.places_at);
}

/// Fills matrices' room in the file; each thread writes at its cells' own place. What lies outside
/// is settled already.
class Filler {
public:
    Filler(File& file, Tally& tally, Progress& progress, std::function<void(std::uint64_t)> settled)
        : file_(file), tally_(tally), progress_(progress), settled_(std::move(settled)) {}

    /// `next` is where the room of those that come later begins.
    Result<void> fill(const MatrixPlace& place, std::uint64_t next) {
        MatrixSource& source = *place.source;
        const bool dense = source.was_dense();
        const std::uint64_t row_bytes = source.gene_count() * size_of(source.value_type());
        if (dense && row_bytes == 0) return {};
        const auto ranges =
            dense ? ranges_of_lines(source.cell_count(),
                                    std::max<std::uint64_t>(1, dense_write_bytes / row_bytes))
                  : ranges_of_values(place.starts, values_a_write);
        // Values and gene numbers grow together; what comes first in the file is settled first.
        const std::uint64_t value_bytes = dense || place.values_at < place.places_at
                                              ? size_of(source.value_type())
                                              : sizeof(std::int32_t);
        WrittenRanges written(ranges.size());
        const auto rose = [&](std::size_t count) {
            if (count == ranges.size()) return settled_(next);
            const std::uint64_t line = ranges[count].first;
            const std::uint64_t values = dense ? line * source.gene_count() : place.starts[line];
            settled_(room_at(place) + values * value_bytes);
        };
        return parallel_for(ranges.size(), [&](std::size_t i) -> Result<void> {
            TRY(progress_.check());
            auto block = pool_.take();
            TRY(read_range(source, ranges[i], place.starts, *block));
            if (place.is_main) tally_.add(*block, source.value_type());
            TRY(dense ? write_dense(place, *block) : write_sparse(place, *block));
            pool_.give_back(std::move(block));
            if (settled_) written.add(i, rose);
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
    std::function<void(std::uint64_t)> settled_;
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
    const std::uint64_t bytes = TRY(file.size());
    std::function<void(std::uint64_t)> settled;
    if (options.settled)
        settled = [&](std::uint64_t so_far) { options.settled(output.working_path(), so_far); };
    Filler filler(file, tally, progress, settled);
    std::vector<MatrixPlace>& places = store->places();
    std::sort(places.begin(), places.end(),
              [](const MatrixPlace& a, const MatrixPlace& b) { return room_at(a) < room_at(b); });
    if (settled) settled(places.empty() ? bytes : room_at(places[0]));
    for (std::size_t i = 0; i < places.size(); ++i)
        TRY(filler.fill(places[i], i + 1 < places.size() ? room_at(places[i + 1]) : bytes));
    if (options.durable) TRY(file.sync());
    TRY(output.commit(options.durable));
    return WrittenMatrix{data.obs.row_count(), data.var.row_count(), tally.nonzeros(), tally.sum(),
                         bytes};
}

}  // namespace stroma::expression
