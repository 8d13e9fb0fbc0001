#include "annotation/cell_bitmap.h"

#include <algorithm>
#include <bit>
#include <cstring>

// The format's words: a bitmap is a list of containers, one for each block of 65,536 numbers that
// has any; a container is a list, 8 KiB of bits, or runs.

namespace stroma::annotation {
namespace {

constexpr std::uint32_t cookie_with_runs = 12'347, cookie_without_runs = 12'346;
constexpr std::uint32_t block = 65'536, list_max = 4'096, offsets_from = 4;
constexpr std::size_t bits_bytes = block / 8;

struct Container {
    std::uint16_t key = 0;
    std::uint32_t count = 0;
    CellRuns runs;  ///< within the block

    std::size_t run_bytes() const { return 2 + 4 * runs.size(); }
    std::size_t plain_bytes() const { return count <= list_max ? 2 * count : bits_bytes; }
    bool as_runs() const { return run_bytes() < plain_bytes(); }
    std::size_t bytes() const { return std::min(run_bytes(), plain_bytes()); }
};

template <class T>
void put(std::string& out, T value) {
    const std::size_t at = out.size();
    out.resize(at + sizeof value);
    std::memcpy(out.data() + at, &value, sizeof value);
}

std::vector<Container> containers_of(const CellRuns& runs) {
    std::vector<Container> containers;
    for (auto [first, end] : runs) {
        while (first < end) {
            const auto key = static_cast<std::uint16_t>(first / block);
            const std::uint64_t block_end = (std::uint64_t{key} + 1) * block;
            const auto to = static_cast<std::uint32_t>(std::min<std::uint64_t>(end, block_end));
            if (containers.empty() || containers.back().key != key)
                containers.push_back({key, 0, {}});
            containers.back().count += to - first;
            containers.back().runs.emplace_back(first % block, first % block + (to - first));
            first = to;
        }
    }
    return containers;
}

void put_container(std::string& out, const Container& container) {
    if (container.as_runs()) {
        put(out, static_cast<std::uint16_t>(container.runs.size()));
        for (const auto& [first, end] : container.runs) {
            put(out, static_cast<std::uint16_t>(first));
            put(out, static_cast<std::uint16_t>(end - first - 1));
        }
        return;
    }
    if (container.count <= list_max) {
        for (const auto& [first, end] : container.runs)
            for (std::uint32_t cell = first; cell < end; ++cell)
                put(out, static_cast<std::uint16_t>(cell));
        return;
    }
    std::vector<std::uint64_t> bits(block / 64);
    for (const auto& [first, end] : container.runs)
        for (std::uint32_t cell = first; cell < end; ++cell)
            bits[cell / 64] |= std::uint64_t{1} << (cell % 64);
    out.append(reinterpret_cast<const char*>(bits.data()), bits_bytes);
}

tl::unexpected<Error> damaged(const char* what) {
    return fail(ErrorCode::invalid_input, std::string("this is no Roaring bitmap: ") + what);
}

class Reader {
public:
    explicit Reader(ByteSpan bytes) : bytes_(bytes) {}
    template <class T>
    Result<T> next() {
        if (bytes_.size() < sizeof(T)) return damaged("it ends too early");
        const T value = load<T>(bytes_.data());
        bytes_ = bytes_.subspan(sizeof(T));
        return value;
    }
    Result<ByteSpan> next_bytes(std::size_t count) {
        if (bytes_.size() < count) return damaged("it ends too early");
        const ByteSpan taken = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return taken;
    }
    bool at_end() const { return bytes_.empty(); }

private:
    ByteSpan bytes_;
};

struct Head {
    std::uint16_t key = 0;
    std::uint32_t count = 0;
    bool is_runs = false;
};

Result<std::vector<Head>> read_heads(Reader& reader) {
    const auto cookie = TRY(reader.next<std::uint32_t>());
    const bool has_runs = (cookie & 0xffff) == cookie_with_runs;
    if (!has_runs && cookie != cookie_without_runs) return damaged("it begins otherwise");
    const std::uint32_t count = has_runs ? (cookie >> 16) + 1 : TRY(reader.next<std::uint32_t>());
    if (count > block) return damaged("it has too many containers");
    ByteSpan flags;
    if (has_runs) flags = TRY(reader.next_bytes((count + 7) / 8));
    std::vector<Head> heads;
    for (std::uint32_t i = 0; i < count; ++i) {
        Head head;
        head.key = TRY(reader.next<std::uint16_t>());
        head.count = TRY(reader.next<std::uint16_t>()) + 1u;
        head.is_runs = has_runs && (std::to_integer<unsigned>(flags[i / 8]) >> (i % 8) & 1) != 0;
        if (!heads.empty() && heads.back().key >= head.key) return damaged("its blocks don't rise");
        heads.push_back(head);
    }
    if (!has_runs || count >= offsets_from) TRY(reader.next_bytes(std::size_t{4} * count));
    return heads;
}

/// Appends a run that lies behind all others.
void add_run(CellRuns& runs, std::uint32_t first, std::uint32_t end) {
    if (!runs.empty() && runs.back().second == first)
        runs.back().second = end;
    else
        runs.emplace_back(first, end);
}

Result<void> read_runs(Reader& reader, std::uint32_t base, CellRuns& runs) {
    const auto count = TRY(reader.next<std::uint16_t>());
    std::uint32_t least = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t first = TRY(reader.next<std::uint16_t>());
        const std::uint32_t end = first + TRY(reader.next<std::uint16_t>()) + 1u;
        if (first < least || end > block) return damaged("its runs don't rise");
        add_run(runs, base + first, base + end);
        least = end;
    }
    return {};
}

Result<void> read_list(Reader& reader, std::uint32_t base, std::uint32_t count, CellRuns& runs) {
    std::int64_t last = -1;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t cell = TRY(reader.next<std::uint16_t>());
        if (cell <= last) return damaged("its numbers don't rise");
        add_run(runs, base + cell, base + cell + 1);
        last = cell;
    }
    return {};
}

Result<void> read_bits(Reader& reader, std::uint32_t base, CellRuns& runs) {
    for (std::uint32_t at = 0; at < block; at += 64)
        for (auto bits = TRY(reader.next<std::uint64_t>()); bits != 0; bits &= bits - 1) {
            const std::uint32_t cell =
                base + at + static_cast<std::uint32_t>(std::countr_zero(bits));
            add_run(runs, cell, cell + 1);
        }
    return {};
}

}  // namespace

std::uint64_t cell_count(const CellRuns& runs) {
    std::uint64_t count = 0;
    for (const auto& [first, end] : runs) count += end - first;
    return count;
}

void add_cell(CellRuns& runs, std::uint32_t cell) { add_run(runs, cell, cell + 1); }

Result<CellRuns> settled(CellRuns runs, std::uint32_t cells) {
    for (const auto& [first, end] : runs) {
        if (first >= end)
            return fail(ErrorCode::invalid_input, "a run of cells is [first, one past the last]");
        if (end > cells)
            return fail(ErrorCode::invalid_input,
                        "cell " + std::to_string(end - 1) + " isn't there: the revision has " +
                            std::to_string(cells) + " cells, counted from 0");
    }
    std::sort(runs.begin(), runs.end());
    CellRuns joined;
    for (const auto& [first, end] : runs) {
        if (!joined.empty() && first <= joined.back().second)
            joined.back().second = std::max(joined.back().second, end);
        else
            joined.emplace_back(first, end);
    }
    return joined;
}

std::string to_bitmap(const CellRuns& runs) {
    const auto containers = containers_of(runs);
    const bool has_runs = std::any_of(containers.begin(), containers.end(),
                                      [](const Container& one) { return one.as_runs(); });
    const auto count = static_cast<std::uint32_t>(containers.size());
    std::string out;
    if (has_runs) {
        put(out, cookie_with_runs | (count - 1) << 16);
        std::string flags((count + 7) / 8, '\0');
        for (std::uint32_t i = 0; i < count; ++i)
            if (containers[i].as_runs()) flags[i / 8] |= static_cast<char>(1 << (i % 8));
        out += flags;
    } else {
        put(out, cookie_without_runs);
        put(out, count);
    }
    for (const Container& one : containers) {
        put(out, one.key);
        put(out, static_cast<std::uint16_t>(one.count - 1));
    }
    if (!has_runs || count >= offsets_from) {
        auto offset = static_cast<std::uint32_t>(out.size() + std::size_t{4} * count);
        for (const Container& one : containers) {
            put(out, offset);
            offset += static_cast<std::uint32_t>(one.bytes());
        }
    }
    for (const Container& one : containers) put_container(out, one);
    return out;
}

Result<CellRuns> runs_of_bitmap(ByteSpan bitmap, std::uint32_t cells) {
    Reader reader(bitmap);
    const auto heads = TRY(read_heads(reader));
    CellRuns runs;
    for (const Head& head : heads) {
        const std::uint32_t base = std::uint32_t{head.key} * block;
        // Also keeps base + 65,536 within 32 bits.
        if (base >= cells || head.key == 0xffff) return damaged("it names cells that aren't there");
        const std::uint64_t before = cell_count(runs);
        if (head.is_runs)
            TRY(read_runs(reader, base, runs));
        else if (head.count <= list_max)
            TRY(read_list(reader, base, head.count, runs));
        else
            TRY(read_bits(reader, base, runs));
        if (cell_count(runs) - before != head.count) return damaged("its counts are wrong");
    }
    if (!reader.at_end()) return damaged("something follows it");
    return settled(std::move(runs), cells);
}

}  // namespace stroma::annotation
