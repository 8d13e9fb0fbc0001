#include "expression/zarr/zarr_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <list>
#include <mutex>

#include "base/threads.h"
#include "base/usual_or_tiny.h"
#include "expression/zarr/zarr_codec.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t part_bytes = usual_or_tiny(32u << 20, 64u);
constexpr std::uint64_t kept_bytes = usual_or_tiny(256u << 20, 128u);

/// A chunk as it is kept: packed when parts of it can be unpacked, else unpacked.
struct Chunk {
    Bytes bytes;
    bool is_packed = false;
};

/// The chunks of one array that were used last. Safe on any thread.
class ChunkCache {
public:
    ChunkCache(const ZarrStore& store, const ZarrArray& array) : store_(store), array_(array) {}

    Result<std::shared_ptr<const Chunk>> get(const std::vector<std::uint64_t>& place) {
        {
            const std::lock_guard lock(mutex_);
            for (auto it = kept_.begin(); it != kept_.end(); ++it)
                if (it->first == place) {
                    kept_.splice(kept_.begin(), kept_, it);
                    return it->second;
                }
        }
        std::shared_ptr<const Chunk> chunk = TRY(load_chunk(place));
        const std::lock_guard lock(mutex_);
        bytes_ += chunk->bytes.size();
        kept_.emplace_front(place, chunk);
        while (bytes_ > kept_bytes && kept_.size() > 1) {
            bytes_ -= kept_.back().second->bytes.size();
            kept_.pop_back();
        }
        return chunk;
    }

private:
    Result<std::shared_ptr<const Chunk>> load_chunk(const std::vector<std::uint64_t>& place) {
        auto chunk = std::make_shared<Chunk>();
        if (array_.compressor == "blosc" && !array_.is_column_major) {
            auto packed = TRY(read_packed_chunk(store_, array_, place));
            if (packed && has_blosc_items(*packed, array_.chunk_bytes(), array_.type.bytes)) {
                chunk->bytes = *std::move(packed);
                chunk->is_packed = true;
                return chunk;
            }
        }
        chunk->bytes = TRY(read_zarr_chunk(store_, array_, place));
        return chunk;
    }

    const ZarrStore& store_;
    const ZarrArray& array_;
    std::mutex mutex_;
    std::list<std::pair<std::vector<std::uint64_t>, std::shared_ptr<const Chunk>>> kept_;
    std::uint64_t bytes_ = 0;
};

class DenseSource final : public MatrixSource {
public:
    DenseSource(const ZarrStore& store, ZarrArray array)
        : store_(store), array_(std::move(array)), chunks_(store, array_) {}
    std::uint64_t cell_count() const override { return array_.shape[0]; }
    std::uint64_t gene_count() const override { return array_.shape[1]; }
    ValueType value_type() const override { return native_type(array_.type); }
    Order order() const override { return Order::by_cell; }
    bool was_dense() const override { return true; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override {
        const std::uint64_t fitting = rows_at_once();
        return std::max<std::uint64_t>(1, fitting < array_.chunks[0]
                                              ? fitting
                                              : fitting / array_.chunks[0] * array_.chunks[0]);
    }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        assert(first + count <= cell_count());
        out.first_line = first;
        out.starts.assign(1, 0);
        out.places.clear();
        out.values.clear();
        const std::uint64_t end = first + count;
        while (first < end) {
            const std::uint64_t band_end = (first / array_.chunks[0] + 1) * array_.chunks[0];
            const std::uint64_t rows = std::min({end, band_end, first + rows_at_once()}) - first;
            TRY(read_part(first, rows, out));
            first += rows;
        }
        return {};
    }

private:
    std::uint64_t rows_at_once() const {
        return std::max<std::uint64_t>(
            1, part_bytes / std::max<std::uint64_t>(gene_count() * array_.type.bytes, 1));
    }
    Result<Bytes> rows_of_chunk(std::uint64_t first, std::uint64_t rows, std::uint64_t column) {
        const auto chunk = TRY(chunks_.get({first / array_.chunks[0], column}));
        const std::uint64_t width = array_.chunks[1], inside = first % array_.chunks[0];
        Bytes bytes(rows * width * array_.type.bytes);
        if (chunk->is_packed) {
            const std::string key = array_.chunk_key({first / array_.chunks[0], column});
            TRY_WITH(unpack_items(chunk->bytes, inside * width, rows * width, array_.type.bytes,
                                  bytes.data()),
                     store_.place(key));
        } else if (!array_.is_column_major) {
            std::memcpy(bytes.data(), chunk->bytes.data() + inside * width * array_.type.bytes,
                        bytes.size());
        } else {
            for (std::uint64_t r = 0; r < rows; ++r)
                for (std::uint64_t c = 0; c < width; ++c)
                    std::memcpy(bytes.data() + (r * width + c) * array_.type.bytes,
                                chunk->bytes.data() +
                                    (c * array_.chunks[0] + inside + r) * array_.type.bytes,
                                array_.type.bytes);
        }
        return to_native(std::move(bytes), array_.type);
    }
    Result<void> read_part(std::uint64_t first, std::uint64_t rows, LineBlock& out) {
        const std::uint64_t columns = (gene_count() + array_.chunks[1] - 1) / array_.chunks[1];
        std::vector<Bytes> parts(columns);
        const auto unpack = [&](std::size_t c) -> Result<void> {
            parts[c] = TRY(rows_of_chunk(first, rows, c));
            return {};
        };
        TRY(parallel_for(columns, unpack));
        const std::size_t width = size_of(value_type());
        for (std::uint64_t r = 0; r < rows; ++r) {
            for (std::uint64_t c = 0; c < columns; ++c) {
                const std::uint64_t gene = c * array_.chunks[1];
                const std::uint64_t genes = std::min(array_.chunks[1], gene_count() - gene);
                const std::byte* row = parts[c].data() + r * array_.chunks[1] * width;
                append_nonzeros(row, genes, static_cast<std::uint32_t>(gene), out);
            }
            out.starts.push_back(out.places.size());
        }
        return {};
    }
    template <class T>
    static void append_as(const std::byte* row, std::uint64_t genes, std::uint32_t first,
                          LineBlock& out) {
        static constexpr std::byte zeros[256] = {};
        constexpr std::uint64_t step = 256 / sizeof(T);
        for (std::uint64_t g = 0; g < genes; ++g) {
            // Most of a row is zeros: they are passed over in blocks.
            while (g % step == 0 && g + step <= genes &&
                   std::memcmp(row + g * sizeof(T), zeros, sizeof zeros) == 0)
                g += step;
            if (g == genes) return;
            const T value = load<T>(row + g * sizeof(T));
            if (value == T{}) continue;
            out.places.push_back(first + static_cast<std::uint32_t>(g));
            const std::size_t at = out.values.size();
            out.values.resize(at + sizeof(T));
            store(out.values.data() + at, value);
        }
    }
    void append_nonzeros(const std::byte* row, std::uint64_t genes, std::uint32_t first,
                         LineBlock& out) const {
        // As bits: a negative zero is a value of its own, and stays one.
        switch (size_of(value_type())) {
            case 1: return append_as<std::uint8_t>(row, genes, first, out);
            case 2: return append_as<std::uint16_t>(row, genes, first, out);
            case 4: return append_as<std::uint32_t>(row, genes, first, out);
            default: return append_as<std::uint64_t>(row, genes, first, out);
        }
    }

    const ZarrStore& store_;
    ZarrArray array_;
    ChunkCache chunks_;
};

/// Elements [first, first + count) of a one-dimensional array.
class Strip {
public:
    Strip(const ZarrStore& store, ZarrArray array)
        : array_(std::move(array)), chunks_(store, array_) {}
    const ZarrArray& array() const { return array_; }
    Result<Bytes> read(std::uint64_t first, std::uint64_t count) {
        const std::size_t width = array_.type.bytes;
        Bytes out(count * width);
        std::uint64_t done = 0;
        while (done < count) {
            const std::uint64_t at = first + done, inside = at % array_.chunks[0];
            const std::uint64_t run = std::min(count - done, array_.chunks[0] - inside);
            const auto chunk = TRY(chunks_.get({at / array_.chunks[0]}));
            if (chunk->is_packed)
                TRY_WITH(unpack_items(chunk->bytes, inside, run, width, out.data() + done * width),
                         array_.path);
            else
                std::memcpy(out.data() + done * width, chunk->bytes.data() + inside * width,
                            run * width);
            done += run;
        }
        return to_native(std::move(out), array_.type);
    }

private:
    ZarrArray array_;
    ChunkCache chunks_;
};

class SparseSource final : public MatrixSource {
public:
    SparseSource(const ZarrStore& store, ZarrArray data, ZarrArray indices,
                 std::vector<std::uint64_t> starts, Order order, std::uint64_t cells,
                 std::uint64_t genes, std::string path)
        : data_(store, std::move(data)),
          indices_(store, std::move(indices)),
          starts_(std::move(starts)),
          order_(order),
          cells_(cells),
          genes_(genes),
          path_(std::move(path)) {}
    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return native_type(data_.array().type); }
    Order order() const override { return order_; }
    std::optional<std::uint64_t> nonzero_count() const override { return starts_.back(); }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override {
        std::vector<std::uint32_t> lengths;
        for (std::size_t i = 0; i + 1 < starts_.size(); ++i)
            lengths.push_back(static_cast<std::uint32_t>(starts_[i + 1] - starts_[i]));
        return lengths;
    }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override {
        const std::uint64_t mean = starts_.back() / std::max<std::uint64_t>(line_count(), 1) + 1;
        return std::clamp<std::uint64_t>((1u << 20) / mean, 1, 65536);
    }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        assert(first + count <= line_count());
        out.first_line = first;
        out.starts.resize(count + 1);
        const std::uint64_t begin = starts_[first], end = starts_[first + count];
        for (std::uint64_t i = 0; i <= count; ++i) out.starts[i] = starts_[first + i] - begin;
        out.values = TRY(data_.read(begin, end - begin));
        Array places{native_type(indices_.array().type), {end - begin}, {}};
        places.bytes = TRY(indices_.read(begin, end - begin));
        const std::uint64_t limit = order_ == Order::by_cell ? genes_ : cells_;
        out.places.resize(end - begin);
        for (std::uint64_t i = 0; i < end - begin; ++i) {
            const std::int64_t place = places.integer(i);
            if (place < 0 || static_cast<std::uint64_t>(place) >= limit) {
                const auto line = std::upper_bound(out.starts.begin(), out.starts.end(), i) -
                                  out.starts.begin() - 1;
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}/indices: line {} has index {}, but there are {}", path_,
                                        first + static_cast<std::uint64_t>(line), place, limit));
            }
            out.places[i] = static_cast<std::uint32_t>(place);
        }
        return {};
    }

private:
    Strip data_, indices_;
    std::vector<std::uint64_t> starts_;
    Order order_;
    std::uint64_t cells_, genes_;
    std::string path_;
};

tl::unexpected<Error> bad(std::string message) {
    return fail(ErrorCode::invalid_input, std::move(message));
}

Result<std::vector<std::uint64_t>> read_starts(const ZarrStore& store, const std::string& path,
                                               std::uint64_t lines, std::uint64_t entries) {
    const ZarrArray pointers = TRY(open_zarr_array(store, path + "/indptr"));
    if (pointers.shape != std::vector<std::uint64_t>{lines + 1})
        return bad(fmt::format("{}/indptr should have {} values", path, lines + 1));
    const Array numbers = TRY(read_zarr_numbers(store, pointers, (lines + 1) * 8 + 1024));
    if (is_floating(numbers.type)) return bad(path + "/indptr should hold integers");
    std::vector<std::uint64_t> starts(lines + 1);
    for (std::uint64_t i = 0; i <= lines; ++i) {
        const std::int64_t value = numbers.integer(i);
        const std::uint64_t before = i == 0 ? 0 : starts[i - 1];
        if (value < 0 || static_cast<std::uint64_t>(value) < before || (i == 0 && value != 0))
            return bad(fmt::format("{}/indptr falls at line {}", path, i == 0 ? 0 : i - 1));
        starts[i] = static_cast<std::uint64_t>(value);
        if (starts[i] - before > std::numeric_limits<std::uint32_t>::max())
            return bad(fmt::format("{}/indptr: line {} is longer than 2^32", path, i - 1));
    }
    if (starts[lines] != entries)
        return bad(fmt::format("{}/indptr ends at {}, but data holds {} values", path,
                               starts[lines], entries));
    return starts;
}

}  // namespace

Result<std::unique_ptr<MatrixSource>> open_dense_zarr(const ZarrStore& store,
                                                      std::string_view path) {
    ZarrArray array = TRY(open_zarr_array(store, path));
    if (array.shape.size() != 2 || holds_texts(array) || array.type.kind == ZarrType::Kind::record)
        return bad(std::string(path) + " should be a matrix of numbers");
    return std::make_unique<DenseSource>(store, std::move(array));
}

Result<std::unique_ptr<MatrixSource>> open_sparse_zarr(const ZarrStore& store,
                                                       std::string_view path, Order order,
                                                       std::uint64_t cells, std::uint64_t genes) {
    const std::string place(path);
    ZarrArray data = TRY(open_zarr_array(store, place + "/data"));
    ZarrArray indices = TRY(open_zarr_array(store, place + "/indices"));
    if (data.shape.size() != 1 || indices.shape != data.shape)
        return bad(place + ": data and indices differ in length");
    if (holds_texts(data) || data.type.kind == ZarrType::Kind::record || holds_texts(indices) ||
        indices.type.kind != ZarrType::Kind::number || is_floating(indices.type.number))
        return bad(place + ": data should hold numbers and indices integers");
    const std::uint64_t lines = order == Order::by_cell ? cells : genes;
    std::vector<std::uint64_t> starts = TRY(read_starts(store, place, lines, data.shape[0]));
    return std::make_unique<SparseSource>(store, std::move(data), std::move(indices),
                                          std::move(starts), order, cells, genes, place);
}

}  // namespace stroma::expression
