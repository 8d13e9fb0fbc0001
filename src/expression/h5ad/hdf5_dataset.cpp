#include "expression/h5ad/hdf5_dataset.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>

#include "base/threads.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t chunk_bytes_max = std::uint64_t{64} << 20;
constexpr std::uint64_t cache_bytes_max = std::uint64_t{16} << 20;
constexpr int rank_max = 8;

tl::unexpected<Error> library_failure(std::string_view doing) {
    return fail(ErrorCode::invalid_input, fmt::format("{}: {}", doing, hdf5_failure()));
}

/// Copies `count` values from one box to another, line by line of the last axis.
void copy_box(const std::byte* from, const std::vector<std::uint64_t>& from_shape,
              const std::vector<std::uint64_t>& from_first, std::byte* to,
              const std::vector<std::uint64_t>& to_shape,
              const std::vector<std::uint64_t>& to_first, const std::vector<std::uint64_t>& count,
              std::uint64_t value_bytes) {
    const std::size_t rank = count.size();
    std::vector<std::uint64_t> place(rank, 0);
    while (true) {
        std::uint64_t source = 0, target = 0;
        for (std::size_t d = 0; d < rank; ++d) {
            source = source * from_shape[d] + from_first[d] + place[d];
            target = target * to_shape[d] + to_first[d] + place[d];
        }
        std::memcpy(to + target * value_bytes, from + source * value_bytes,
                    count[rank - 1] * value_bytes);
        std::size_t d = rank - 1;
        while (d-- > 0) {
            if (++place[d] < count[d]) break;
            place[d] = 0;
        }
        if (d == static_cast<std::size_t>(-1)) return;
    }
}

}  // namespace

Result<std::shared_ptr<Hdf5Dataset>> Hdf5Dataset::open(Hdf5Id id, const File& file,
                                                       std::string place) {
    quiet_hdf5();
    std::shared_ptr<Hdf5Dataset> dataset(new Hdf5Dataset(std::move(id), file, std::move(place)));
    const Hdf5Id type(H5Dget_type(dataset->id_.get()));
    dataset->type_ = TRY_WITH(read_hdf5_type(type.get()), dataset->place_);
    TRY_WITH(dataset->look_at_shape(), dataset->place_);
    TRY_WITH(dataset->look_at_layout(), dataset->place_);
    return dataset;
}

Result<void> Hdf5Dataset::look_at_shape() {
    const Hdf5Id space(H5Dget_space(id_.get()));
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank < 0) return library_failure("damaged shape");
    if (rank > rank_max)
        return fail(ErrorCode::unsupported, fmt::format("has {} axes; at most 8 are read", rank));
    null_ = H5Sget_simple_extent_type(space.get()) == H5S_NULL;
    hsize_t dims[rank_max] = {};
    H5Sget_simple_extent_dims(space.get(), dims, nullptr);
    value_count_ = null_ ? 0 : 1;
    std::uint64_t bytes = type_.size;
    for (int i = 0; i < rank; ++i) {
        shape_.push_back(dims[i]);
        if (__builtin_mul_overflow(value_count_, dims[i], &value_count_) ||
            (dims[i] != 0 && __builtin_mul_overflow(bytes, dims[i], &bytes)) || bytes >> 62 != 0)
            return fail(ErrorCode::invalid_input, "declares an impossible size");
    }
    return {};
}

Result<void> Hdf5Dataset::look_at_layout() {
    const Hdf5Id creation(H5Dget_create_plist(id_.get()));
    if (!creation.is_open()) return library_failure("damaged header");
    switch (H5Pget_layout(creation.get())) {
        case H5D_COMPACT: layout_ = Layout::compact; break;
        case H5D_CONTIGUOUS: layout_ = Layout::contiguous; break;
        case H5D_CHUNKED: layout_ = Layout::chunked; break;
        case H5D_VIRTUAL:
            return fail(ErrorCode::unsupported,
                        "is a virtual dataset: it points to other files; copy the data into one");
        default: return library_failure("damaged layout");
    }
    if (H5Pget_external_count(creation.get()) != 0)
        return fail(ErrorCode::unsupported,
                    "has external storage: it points to other files; copy the data into one");
    TRY(look_at_fill(creation.get()));
    if (layout_ == Layout::chunked) return look_at_chunks(creation.get());
    if (layout_ == Layout::compact) {
        if (unpacked_bytes() > 65536) return fail(ErrorCode::invalid_input, "has a damaged layout");
        return {};
    }
    if (value_count_ == 0) return {};
    const haddr_t address = H5Dget_offset(id_.get());
    is_stored_ = address != HADDR_UNDEF;
    address_ = is_stored_ ? address : 0;
    const std::uint64_t file_bytes = TRY(file_->size());
    if (is_stored_ && (address_ > file_bytes || unpacked_bytes() > file_bytes - address_))
        return fail(ErrorCode::invalid_input,
                    fmt::format("is truncated: its {} bytes pass the end of the file; copy the "
                                "file again",
                                unpacked_bytes()));
    return {};
}

Result<void> Hdf5Dataset::look_at_chunks(std::int64_t creation) {
    hsize_t dims[rank_max] = {};
    const int rank = H5Pget_chunk(creation, rank_max, dims);
    if (rank != static_cast<int>(shape_.size()) || rank == 0)
        return library_failure("damaged chunk shape");
    chunk_bytes_ = type_.size;
    for (int i = 0; i < rank; ++i) {
        if (dims[i] == 0 || __builtin_mul_overflow(chunk_bytes_, dims[i], &chunk_bytes_))
            return fail(ErrorCode::invalid_input, "has a damaged chunk shape");
        chunk_.push_back(dims[i]);
        if (chunk_bytes_ > chunk_bytes_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("declares chunks of {} bytes or more; the limit is {}",
                                    chunk_bytes_, chunk_bytes_max));
    }
    const int filters = H5Pget_nfilters(creation);
    if (filters < 0 || filters > 8) return library_failure("damaged filters");
    for (unsigned i = 0; i < static_cast<unsigned>(filters); ++i) {
        unsigned values[32] = {}, flags = 0, config = 0;
        std::size_t value_count = std::size(values);
        char name[64] = {};
        const H5Z_filter_t id = H5Pget_filter2(creation, i, &flags, &value_count, values,
                                               sizeof name - 1, name, &config);
        if (id < 0) return library_failure("damaged filter");
        value_count = std::min(value_count, std::size(values));
        filters_.push_back({id, {values, values + value_count}, name});
    }
    return check_filters(filters_);
}

Result<void> Hdf5Dataset::look_at_fill(std::int64_t creation) {
    H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
    if (H5Pfill_value_defined(creation, &defined) < 0) return library_failure("damaged fill value");
    if (defined != H5D_FILL_VALUE_USER_DEFINED || !type_.is_number()) return {};
    const Hdf5Id type(H5Dget_type(id_.get()));
    fill_.resize(type_.size);
    if (H5Pget_fill_value(creation, type.get(), fill_.data()) < 0)
        return library_failure("damaged fill value");
    if (std::all_of(fill_.begin(), fill_.end(), [](std::byte b) { return b == std::byte{0}; }))
        fill_.clear();
    return {};
}

void Hdf5Dataset::fill(std::span<std::byte> out) const {
    if (fill_.empty()) {
        std::fill(out.begin(), out.end(), std::byte{0});
    } else {
        for (std::size_t at = 0; at < out.size(); at += fill_.size())
            std::copy(fill_.begin(), fill_.end(), out.begin() + at);
    }
}

Result<void> Hdf5Dataset::read_box(std::span<const std::uint64_t> first,
                                   std::span<const std::uint64_t> count,
                                   std::span<std::byte> out) const {
    std::uint64_t bytes = type_.size;
    for (std::size_t i = 0; i < count.size(); ++i) bytes *= count[i];
    if (bytes == 0 || null_) return {};
    const Index from(first.begin(), first.end()), many(count.begin(), count.end());
    switch (layout_) {
        case Layout::chunked: return read_chunked(from, many, out.data());
        default: return read_contiguous(from, many, out.data());
    }
}

Result<void> Hdf5Dataset::read_rows(std::uint64_t first, std::uint64_t count,
                                    std::span<std::byte> out) const {
    Index from(shape_.size(), 0), many(shape_);
    if (!from.empty()) {
        from[0] = first;
        many[0] = count;
    }
    return read_box(from, many, out);
}

Result<void> Hdf5Dataset::read_contiguous(const Index& first, const Index& count,
                                          std::byte* out) const {
    std::uint64_t value_count = 1;
    for (const std::uint64_t axis : count) value_count *= axis;
    const std::span<std::byte> whole(out, value_count * type_.size);
    if (layout_ == Layout::compact) {
        // Small by its nature: read through the library once for every use.
        quiet_hdf5();
        Bytes all(unpacked_bytes());
        const Hdf5Id type(H5Dget_type(id_.get()));
        if (type_.kind == Hdf5Type::Kind::variable_text)
            return fail(ErrorCode::unsupported, place_ + " holds texts in a compact layout");
        if (H5Dread(id_.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()) < 0)
            return library_failure(place_);
        if (rank() == 0) {
            std::copy(all.begin(), all.end(), out);
        } else {
            copy_box(all.data(), shape_, first, out, count, Index(rank(), 0), count, type_.size);
        }
        return {};
    }
    if (!is_stored_) {
        fill(whole);
        return {};
    }
    // One run when all inner axes are taken whole, else one a line of the last axis.
    std::size_t whole_from = shape_.size();
    while (whole_from > 0 && count[whole_from - 1] == shape_[whole_from - 1]) --whole_from;
    const std::size_t outer = whole_from == 0 ? 0 : whole_from - 1;
    std::uint64_t run = type_.size, runs = 1;
    for (std::size_t d = outer; d < shape_.size(); ++d) run *= count[d];
    for (std::size_t d = 0; d < outer; ++d) runs *= count[d];
    for (std::uint64_t r = 0; r < runs; ++r) {
        std::uint64_t rest = r, offset = 0, scale = type_.size;
        for (std::size_t d = shape_.size(); d-- > 0; scale *= shape_[d]) {
            std::uint64_t place = first[d];
            if (d < outer) {
                place += rest % count[d];
                rest /= count[d];
            }
            offset += place * scale;
        }
        TRY_WITH(file_->read_at(address_ + offset, {out + r * run, run}), place_);
    }
    return {};
}

Result<void> Hdf5Dataset::decode_chunk(const Index& at, std::span<std::byte> out) const {
    quiet_hdf5();
    const std::vector<hsize_t> place(at.begin(), at.end());
    hsize_t stored = 0;
    if (H5Dget_chunk_storage_size(id_.get(), place.data(), &stored) < 0) {
        H5Eclear2(H5E_DEFAULT);
        stored = 0;
    }
    if (stored == 0) {
        fill(out);
        return {};
    }
    if (stored > 2 * chunk_bytes_ + 65536)
        return fail(ErrorCode::invalid_input, "has a chunk larger stored than unpacked");
    Bytes raw(stored);
    std::uint32_t skipped = 0;
    if (H5Dread_chunk(id_.get(), H5P_DEFAULT, place.data(), &skipped, raw.data()) < 0)
        return library_failure("damaged chunk");
    return undo_filters(filters_, skipped, raw, out);
}

Result<std::shared_ptr<const Bytes>> Hdf5Dataset::cached_chunk(const Index& at) const {
    {
        const std::lock_guard lock(cache_mutex_);
        for (const Chunk& chunk : cache_)
            if (chunk.at == at) return chunk.bytes;
    }
    const auto bytes = std::make_shared<Bytes>(chunk_bytes_);
    TRY_WITH(decode_chunk(at, *bytes), place_);
    const std::lock_guard lock(cache_mutex_);
    const std::size_t kept = std::clamp<std::size_t>(cache_bytes_max / chunk_bytes_, 2, 64);
    if (cache_.size() >= kept) cache_.erase(cache_.begin());
    cache_.push_back({at, bytes});
    return bytes;
}

Result<void> Hdf5Dataset::read_chunked(const Index& first, const Index& count,
                                       std::byte* out) const {
    const std::size_t axes = shape_.size();
    Index begin(axes), end(axes), at(axes), from(axes), to(axes), many(axes);
    for (std::size_t d = 0; d < axes; ++d) {
        begin[d] = first[d] / chunk_[d] * chunk_[d];
        end[d] = first[d] + count[d];
    }
    at = begin;
    while (true) {
        bool same_shape = true;
        for (std::size_t d = 0; d < axes; ++d) {
            const std::uint64_t low = std::max(at[d], first[d]);
            const std::uint64_t high = std::min(at[d] + chunk_[d], end[d]);
            from[d] = low - at[d];
            to[d] = low - first[d];
            many[d] = high - low;
            same_shape = same_shape && many[d] == chunk_[d] && (d == 0 || count[d] == chunk_[d]);
        }
        if (same_shape) {
            std::uint64_t offset = 0;
            for (std::size_t d = 0; d < axes; ++d) offset = offset * count[d] + to[d];
            TRY_WITH(decode_chunk(at, {out + offset * type_.size, chunk_bytes_}), place_);
        } else {
            const auto chunk = TRY(cached_chunk(at));
            copy_box(chunk->data(), chunk_, from, out, count, to, many, type_.size);
        }
        std::size_t d = axes;
        while (d-- > 0) {
            at[d] += chunk_[d];
            if (at[d] < end[d]) break;
            at[d] = begin[d];
        }
        if (d == static_cast<std::size_t>(-1)) return {};
    }
}

Result<Bytes> Hdf5Dataset::read_all() const {
    Bytes all(unpacked_bytes());
    if (all.empty()) return all;
    if (rank() == 0) {
        TRY(read_box({}, {}, all));
        return all;
    }
    const std::uint64_t row_bytes = all.size() / shape_[0];
    const std::uint64_t high = is_chunked() ? chunk_[0] : 1;
    const std::uint64_t rows =
        std::max<std::uint64_t>(1, (std::uint64_t{4} << 20) / (high * row_bytes)) * high;
    const std::uint64_t parts = (shape_[0] + rows - 1) / rows;
    TRY(parallel_for(parts, [&](std::size_t part) {
        const std::uint64_t first = part * rows;
        const std::uint64_t count = std::min(rows, shape_[0] - first);
        return read_rows(first, count,
                         std::span(all).subspan(first * row_bytes, count * row_bytes));
    }));
    return all;
}

}  // namespace stroma::expression
