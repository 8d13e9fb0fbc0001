#include "expression/h5ad/hdf5_filters.h"

#include <blosc.h>
#include <fmt/format.h>
#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace stroma::expression {
namespace {

// https://github.com/HDFGroup/hdf5_plugins: the registered numbers.
enum FilterId {
    deflate = 1,
    shuffle = 2,
    fletcher32 = 3,
    lzf = 32000,
    blosc = 32001,
    zstd = 32015
};

bool is_compressor(int id) { return id == deflate || id == lzf || id == blosc || id == zstd; }

tl::unexpected<Error> damaged(std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("has a damaged chunk ({})", what));
}

Result<void> undo_deflate(ByteSpan from, std::span<std::byte> out) {
    struct Free {
        void operator()(libdeflate_decompressor* used) const { libdeflate_free_decompressor(used); }
    };
    thread_local const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
        libdeflate_alloc_decompressor());
    if (decompressor == nullptr) return fail(ErrorCode::exhausted, "no memory to inflate");
    if (libdeflate_zlib_decompress(decompressor.get(), from.data(), from.size(), out.data(),
                                   out.size(), nullptr) != LIBDEFLATE_SUCCESS)
        return damaged("deflate");
    return {};
}

/// LZF as liblzf writes it: a control byte under 32 starts that many literals and one, else a
/// back reference of 3 to 264 bytes up to 8 KiB behind.
Result<void> undo_lzf(ByteSpan from, std::span<std::byte> out) {
    std::size_t in = 0, at = 0;
    while (in < from.size()) {
        const auto control = static_cast<std::size_t>(from[in++]);
        if (control < 32) {
            const std::size_t length = control + 1;
            if (length > from.size() - in || length > out.size() - at) return damaged("lzf");
            std::copy_n(from.begin() + in, length, out.begin() + at);
            in += length;
            at += length;
            continue;
        }
        std::size_t length = control >> 5;
        if (length == 7) {
            if (in == from.size()) return damaged("lzf");
            length += static_cast<std::size_t>(from[in++]);
        }
        length += 2;
        if (in == from.size()) return damaged("lzf");
        const std::size_t behind = ((control & 31) << 8) + static_cast<std::size_t>(from[in++]) + 1;
        if (behind > at || length > out.size() - at) return damaged("lzf");
        for (std::size_t i = 0; i < length; ++i, ++at) out[at] = out[at - behind];
    }
    if (at != out.size()) return damaged("lzf");
    return {};
}

Result<void> undo_blosc(ByteSpan from, std::span<std::byte> out) {
    std::size_t size = 0;
    if (blosc_cbuffer_validate(from.data(), from.size(), &size) != 0 || size != out.size())
        return damaged("blosc");
    const int got = blosc_decompress_ctx(from.data(), out.data(), out.size(), 1);
    if (got < 0 || static_cast<std::size_t>(got) != out.size()) return damaged("blosc");
    return {};
}

Result<void> undo_zstd(ByteSpan from, std::span<std::byte> out) {
    if (ZSTD_decompress(out.data(), out.size(), from.data(), from.size()) != out.size())
        return damaged("zstd");
    return {};
}

Result<void> undo_compressor(int id, ByteSpan from, std::span<std::byte> out) {
    switch (id) {
        case deflate: return undo_deflate(from, out);
        case lzf: return undo_lzf(from, out);
        case blosc: return undo_blosc(from, out);
        default: return undo_zstd(from, out);
    }
}

template <std::size_t size>
void unshuffle_values(const std::byte* from, std::size_t count, std::byte* out) {
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t b = 0; b < size; ++b) out[i * size + b] = from[b * count + i];
}

void undo_shuffle(std::size_t size, ByteSpan from, std::span<std::byte> out) {
    const std::size_t count = size > 1 ? from.size() / size : 0;
    switch (size) {
        case 2: unshuffle_values<2>(from.data(), count, out.data()); break;
        case 4: unshuffle_values<4>(from.data(), count, out.data()); break;
        case 8: unshuffle_values<8>(from.data(), count, out.data()); break;
        default:
            for (std::size_t b = 0; b < size && count > 0; ++b)
                for (std::size_t i = 0; i < count; ++i) out[i * size + b] = from[b * count + i];
    }
    const std::size_t done = count * size;
    std::copy(from.begin() + done, from.end(), out.begin() + done);
}

/// HDF5's Fletcher sum over big-endian 16-bit words, an odd last byte as a high byte.
std::uint32_t fletcher(ByteSpan bytes) {
    std::uint32_t low = 0, high = 0;
    std::size_t words = bytes.size() / 2;
    const std::byte* at = bytes.data();
    while (words > 0) {
        const std::size_t run = std::min<std::size_t>(words, 360);
        words -= run;
        for (std::size_t i = 0; i < run; ++i, at += 2) {
            low += static_cast<std::uint32_t>(at[0]) << 8 | static_cast<std::uint32_t>(at[1]);
            high += low;
        }
        low = (low & 0xffff) + (low >> 16);
        high = (high & 0xffff) + (high >> 16);
    }
    if (bytes.size() % 2 != 0) {
        low += static_cast<std::uint32_t>(*at) << 8;
        high += low;
        low = (low & 0xffff) + (low >> 16);
        high = (high & 0xffff) + (high >> 16);
    }
    low = (low & 0xffff) + (low >> 16);
    high = (high & 0xffff) + (high >> 16);
    return high << 16 | low;
}

Result<void> undo_fletcher32(Bytes& raw) {
    if (raw.size() < 4) return damaged("fletcher32");
    const auto stored = load<std::uint32_t>(raw.data() + raw.size() - 4);
    raw.resize(raw.size() - 4);
    const std::uint32_t sum = fletcher(raw);
    // Before 1.6.3 the library wrote the bytes of each half the other way round.
    const std::uint32_t swapped = (sum & 0x00ff00ff) << 8 | (sum & 0xff00ff00) >> 8;
    if (stored != sum && stored != swapped)
        return fail(ErrorCode::invalid_input, "has a chunk whose checksum (fletcher32) fails");
    return {};
}

}  // namespace

Result<void> check_filters(const std::vector<Hdf5Filter>& filters) {
    int compressors = 0;
    for (const Hdf5Filter& filter : filters) {
        compressors += is_compressor(filter.id);
        if (!is_compressor(filter.id) && filter.id != shuffle && filter.id != fletcher32)
            return fail(ErrorCode::unsupported,
                        fmt::format("uses the HDF5 filter {} ({}): filter not allowed; write it "
                                    "with gzip, lzf, blosc or zstd",
                                    filter.id, filter.name.empty() ? "unnamed" : filter.name));
    }
    if (compressors > 1)
        return fail(ErrorCode::unsupported, "is compressed twice: filter not allowed");
    return {};
}

Result<void> undo_filters(const std::vector<Hdf5Filter>& filters, std::uint32_t skipped, Bytes& raw,
                          std::span<std::byte> out) {
    // How large the chunk was when its compressor saw it: checksums before it made it longer.
    std::size_t size = out.size();
    for (std::size_t i = 0; i < filters.size() && !is_compressor(filters[i].id); ++i)
        if (filters[i].id == fletcher32 && (skipped >> i & 1) == 0) size += 4;

    Bytes next;
    for (std::size_t i = filters.size(); i-- > 0;) {
        const Hdf5Filter& filter = filters[i];
        if ((skipped >> i & 1) != 0) continue;
        if (filter.id == fletcher32) {
            TRY(undo_fletcher32(raw));
            continue;
        }
        if (is_compressor(filter.id)) {
            if (i == 0) return undo_compressor(filter.id, raw, out);
            next.resize(size);
            TRY(undo_compressor(filter.id, raw, next));
        } else {
            const std::size_t value_size = filter.values.empty() ? 1 : filter.values[0];
            if (i == 0 && raw.size() == out.size()) {
                undo_shuffle(value_size, raw, out);
                return {};
            }
            next.resize(raw.size());
            undo_shuffle(value_size, raw, next);
        }
        raw.swap(next);
    }
    if (raw.size() != out.size()) return damaged("its length");
    std::copy(raw.begin(), raw.end(), out.begin());
    return {};
}

}  // namespace stroma::expression
