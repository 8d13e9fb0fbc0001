#include "expression/h5ad/h5ad_store.h"

#include <algorithm>
#include <limits>

#include "base/usual_or_tiny.h"
#include "expression/output/deflate.h"
#include "expression/output/matrix_pieces.h"
#include "expression/output/value_types.h"

namespace stroma::expression {
namespace {

constexpr unsigned gzip_level = 4;
constexpr std::uint64_t values_a_chunk = usual_or_tiny(1u << 18, 61u);
constexpr std::uint64_t dense_chunk_bytes = 1u << 20;

/// One chunk of each of a sparse matrix's two datasets.
struct ChunkPair {
    ValuePiece piece;
    Bytes raw, values, places;
};

Result<void> put_chunk(const H5Handle& dataset, std::span<const hsize_t> at, const Bytes& bytes,
                       const std::string& path) {
    if (H5Dwrite_chunk(dataset.id(), H5P_DEFAULT, 0, at.data(), bytes.size(), bytes.data()) < 0)
        return fail(h5_error("writing a chunk of", path));
    return {};
}

/// A chunk is always whole: the last one's end is zeros.
void deflate_chunk(ByteSpan bytes, std::uint64_t chunk_bytes, Bytes& raw, Bytes& out) {
    if (bytes.size() < chunk_bytes) {
        raw.assign(bytes.begin(), bytes.end());
        raw.resize(chunk_bytes);
        bytes = raw;
    }
    deflate_whole(bytes, Deflated::zlib, static_cast<int>(gzip_level), out);
}

/// Numbers beside each other, texts as pointers: the memory of a record array.
class RecordMemory {
public:
    explicit RecordMemory(const Records& records) {
        const std::uint64_t rows = records.fields.empty() ? 0 : records.fields.front().size();
        for (const Column& field : records.fields) {
            const auto* numbers = std::get_if<Array>(&field.values);
            offsets_.push_back(row_bytes_);
            row_bytes_ += numbers != nullptr ? size_of(numbers->type) : sizeof(char*);
        }
        memory_.resize(rows * row_bytes_);
        for (std::size_t i = 0; i < records.fields.size(); ++i)
            fill(records.fields[i], offsets_[i]);
    }
    std::size_t row_bytes() const { return row_bytes_; }
    std::size_t offset(std::size_t field) const { return offsets_[field]; }
    const Bytes& bytes() const { return memory_; }

private:
    void fill(const Column& field, std::size_t offset) {
        const auto* numbers = std::get_if<Array>(&field.values);
        auto& texts = texts_.emplace_back();
        if (numbers == nullptr)
            for (std::size_t row = 0; row < field.size(); ++row) texts.push_back(field.text(row));
        for (std::size_t row = 0; row < field.size(); ++row) {
            std::byte* to = memory_.data() + row * row_bytes_ + offset;
            if (numbers == nullptr) {
                store(to, texts[row].c_str());
            } else {
                const std::size_t bytes = size_of(numbers->type);
                std::memcpy(to, numbers->bytes.data() + row * bytes, bytes);
            }
        }
    }
    std::vector<std::size_t> offsets_;
    std::size_t row_bytes_ = 0;
    std::vector<std::vector<std::string>> texts_;
    Bytes memory_;
};

}  // namespace

Result<std::unique_ptr<H5adStore>> H5adStore::create(const fs::path& path, bool gzip,
                                                     const Watch& watch, Tally& tally,
                                                     Progress& progress) {
    H5Handle file = TRY(h5_create_file(path));
    return std::unique_ptr<H5adStore>(new H5adStore(std::move(file), gzip, watch, tally, progress));
}

Result<void> H5adStore::close() {
    if (!file_.close()) return fail(h5_error("writing", "the file's directory"));
    return {};
}

Result<void> H5adStore::write_attributes(const H5Handle& object, const Attributes& attributes) {
    for (const auto& [name, value] : attributes) {
        if (const auto* text = std::get_if<std::string>(&value)) {
            TRY(h5_write_text_attribute(object, name, *text));
        } else if (const bool* flag = std::get_if<bool>(&value)) {
            const auto byte = static_cast<std::int8_t>(*flag);
            TRY(h5_write_attribute(object, name, h5_type(ValueType::boolean).id(), {}, &byte));
        } else if (const auto* sizes = std::get_if<std::vector<std::uint64_t>>(&value)) {
            // h5py writes a shape as int64, and some readers want it so.
            const std::uint64_t count[] = {sizes->size()};
            TRY(h5_write_attribute(object, name, h5_type(ValueType::int64).id(), count,
                                   sizes->data()));
        } else {
            const auto& texts = std::get<std::vector<std::string>>(value);
            std::vector<const char*> pointers;
            for (const std::string& each : texts) pointers.push_back(each.c_str());
            const std::uint64_t count[] = {texts.size()};
            TRY(h5_write_attribute(object, name, h5_text_type().id(), count,
                                   pointers.empty() ? nullptr : pointers.data()));
        }
    }
    return {};
}

Result<void> H5adStore::group(const std::string& path, const Attributes& attributes) {
    const H5Handle group = path.empty() ? H5Handle(H5Gopen2(file_.id(), "/", H5P_DEFAULT), H5Gclose)
                                        : TRY(h5_make_group(file_.id(), path));
    return write_attributes(group, attributes);
}

H5Storage H5adStore::storage_for(std::span<const std::uint64_t> shape, ValueType type) const {
    std::uint64_t row_bytes = size_of(type), rows = shape.empty() ? 0 : shape[0];
    for (std::size_t i = 1; i < shape.size(); ++i) row_bytes *= shape[i];
    if (!gzip_ || rows * row_bytes < 4096) return {};
    H5Storage storage{{shape.begin(), shape.end()}, gzip_level};
    storage.chunk[0] = std::clamp<std::uint64_t>(dense_chunk_bytes / row_bytes, 1, rows);
    return storage;
}

Result<void> H5adStore::array(const std::string& path, const Array& values,
                              const Attributes& attributes) {
    const H5Handle dataset =
        TRY(h5_write_array(file_.id(), path, values, storage_for(values.shape, values.type)));
    return write_attributes(dataset, attributes);
}

Result<void> H5adStore::texts(const std::string& path, std::span<const std::uint64_t> shape,
                              const TextArray& texts, const Attributes& attributes) {
    const H5Handle dataset = TRY(h5_write_texts(file_.id(), path, shape, texts));
    return write_attributes(dataset, attributes);
}

Result<void> H5adStore::records(const std::string& path, const Records& records,
                                const Attributes& attributes) {
    const RecordMemory memory(records);
    if (memory.row_bytes() == 0)
        return fail(ErrorCode::unsupported, path + " is a record array without fields");
    const H5Handle type{H5Tcreate(H5T_COMPOUND, memory.row_bytes()), H5Tclose};
    for (std::size_t i = 0; i < records.fields.size(); ++i) {
        const Column& field = records.fields[i];
        const auto* numbers = std::get_if<Array>(&field.values);
        const H5Handle member = numbers != nullptr ? h5_type(numbers->type) : h5_text_type();
        if (H5Tinsert(type.id(), field.name.c_str(), memory.offset(i), member.id()) < 0)
            return fail(h5_error("describing field " + field.name + " of", path));
    }
    const std::uint64_t rows[] = {records.fields.front().size()};
    const H5Handle dataset = TRY(h5_make_dataset(file_.id(), path, type.id(), rows));
    if (rows[0] > 0) TRY(h5_write(dataset, type.id(), memory.bytes().data(), path));
    return write_attributes(dataset, attributes);
}

Result<std::uint64_t> H5adStore::reserve(const std::string& path, ValueType type,
                                         std::span<const std::uint64_t> shape,
                                         const Attributes& attributes) {
    const H5Handle dataset = TRY(h5_make_dataset(file_.id(), path, h5_type(type).id(), shape));
    TRY(write_attributes(dataset, attributes));
    for (const std::uint64_t size : shape)
        if (size == 0) return 0;
    const haddr_t at = H5Dget_offset(dataset.id());
    if (at == HADDR_UNDEF) return fail(h5_error("reserving room for", path));
    return at;
}

Result<void> H5adStore::write_starts(const std::string& path,
                                     const std::vector<std::uint64_t>& starts) {
    Array indptr;
    if (starts.back() <= std::uint64_t{std::numeric_limits<std::int32_t>::max()}) {
        std::vector<std::int32_t> narrow(starts.size());
        for (std::size_t i = 0; i < starts.size(); ++i)
            narrow[i] = static_cast<std::int32_t>(starts[i]);
        indptr = Array::of(narrow);
    } else {
        indptr = Array::of(std::vector<std::int64_t>(starts.begin(), starts.end()));
    }
    return array(path, indptr, {});
}

Result<void> H5adStore::matrix(const std::string& path, const NamedMatrix& matrix,
                               const Attributes& attributes) {
    MatrixSource& source = *matrix.source;
    MatrixPlace place{&source, matrix.name == "X", {}};
    if (source.was_dense()) {
        if (gzip_) return write_dense_chunks(path, place, attributes);
        const std::uint64_t shape[] = {source.cell_count(), source.gene_count()};
        place.values_at = TRY(reserve(path, source.value_type(), shape, attributes));
        places_.push_back(std::move(place));
        return {};
    }
    if (source.gene_count() > std::uint64_t{std::numeric_limits<std::int32_t>::max()})
        return fail(ErrorCode::unsupported, path + " has more than 2^31 - 1 genes");
    place.starts = TRY(line_starts(source, watch_));
    TRY(group(path, attributes));
    TRY(write_starts(path + "/indptr", place.starts));
    if (gzip_) return write_sparse_chunks(path, place);
    const std::uint64_t shape[] = {place.starts.back()};
    place.places_at = TRY(reserve(path + "/indices", ValueType::int32, shape, {}));
    place.values_at = TRY(reserve(path + "/data", source.value_type(), shape, {}));
    places_.push_back(std::move(place));
    return {};
}

Result<void> H5adStore::write_sparse_chunks(const std::string& path, const MatrixPlace& place) {
    MatrixSource& source = *place.source;
    const ValueType type = source.value_type();
    const std::uint64_t values = place.starts.back();
    const std::uint64_t shape[] = {values};
    H5Storage storage;
    const std::uint64_t chunk = std::min(values_a_chunk, values);
    if (chunk > 0) storage = {{chunk}, gzip_level};
    const H5Handle indices = TRY(h5_make_dataset(file_.id(), path + "/indices",
                                                 h5_type(ValueType::int32).id(), shape, storage));
    const H5Handle data =
        TRY(h5_make_dataset(file_.id(), path + "/data", h5_type(type).id(), shape, storage));
    if (chunk == 0) return {};
    std::vector<ChunkPair> pairs(slots_for(chunk * 24));
    const auto make = [&](std::size_t i, std::size_t slot) -> Result<void> {
        ChunkPair& pair = pairs[slot];
        TRY(read_piece(source, place.starts, i * chunk, std::min((i + 1) * chunk, values),
                       pair.piece));
        if (place.is_main) tally_.add(pair.piece.block, type, pair.piece.shared_lines);
        deflate_chunk(pair.piece.values(type), chunk * size_of(type), pair.raw, pair.values);
        deflate_chunk(pair.piece.places(), chunk * 4, pair.raw, pair.places);
        return {};
    };
    const auto take = [&](std::size_t i, std::size_t slot) -> Result<void> {
        const hsize_t at[] = {i * chunk};
        TRY(put_chunk(data, at, pairs[slot].values, path + "/data"));
        TRY(put_chunk(indices, at, pairs[slot].places, path + "/indices"));
        const ValuePiece& piece = pairs[slot].piece;
        progress_.add(static_cast<double>(piece.block.line_count() - piece.shared_lines));
        return {};
    };
    return run_in_order((values + chunk - 1) / chunk, pairs.size(), watch_, make, take);
}

Result<void> H5adStore::write_dense_chunks(const std::string& path, const MatrixPlace& place,
                                           const Attributes& attributes) {
    MatrixSource& source = *place.source;
    const ValueType type = source.value_type();
    const std::uint64_t cells = source.cell_count(), genes = source.gene_count();
    const std::uint64_t shape[] = {cells, genes};
    const std::uint64_t row_bytes = genes * size_of(type);
    H5Storage storage;
    std::uint64_t rows = 0;
    if (cells > 0 && genes > 0) {
        rows = std::clamp<std::uint64_t>(dense_chunk_bytes / row_bytes, 1, cells);
        storage = {{rows, genes}, gzip_level};
    }
    const H5Handle dataset =
        TRY(h5_make_dataset(file_.id(), path, h5_type(type).id(), shape, storage));
    TRY(write_attributes(dataset, attributes));
    if (rows == 0) return {};
    const auto ranges = ranges_of_lines(cells, rows);
    struct Chunk {
        LineBlock block;
        Bytes dense, raw, packed;
    };
    std::vector<Chunk> chunks(slots_for(rows * row_bytes * 4));
    const auto make = [&](std::size_t i, std::size_t slot) -> Result<void> {
        Chunk& chunk = chunks[slot];
        TRY(read_range(source, ranges[i], {}, chunk.block));
        if (place.is_main) tally_.add(chunk.block, type);
        spread(chunk.block, type, genes, chunk.dense);
        deflate_chunk(chunk.dense, rows * row_bytes, chunk.raw, chunk.packed);
        return {};
    };
    return run_in_order(ranges.size(), chunks.size(), watch_, make,
                        [&](std::size_t i, std::size_t slot) -> Result<void> {
                            const hsize_t at[] = {ranges[i].first, 0};
                            progress_.add(static_cast<double>(ranges[i].count));
                            return put_chunk(dataset, at, chunks[slot].packed, path);
                        });
}

}  // namespace stroma::expression
