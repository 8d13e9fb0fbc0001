#include "queue/segments/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "queue/segments/segment_index.h"

namespace stroma::queue::segments {
namespace {

constexpr std::string_view suffix = ".segment";
constexpr std::size_t copy_bytes = 4u << 20;

/// The next place at or behind `from` where a whole block lies.
std::optional<std::size_t> next_block(ByteSpan file, std::size_t from, const SegmentPlace& place) {
    for (std::size_t at = from; at + sizeof(BlockHead) <= file.size(); at += 8)
        if (load<std::uint32_t>(file.data() + at) == BlockHead::magic_value &&
            check_block(file.subspan(at), place, at))
            return at;
    return std::nullopt;
}

/// Tells of each block that checks out and of each damaged place; gives where an unfinished end
/// begins, or the file's.
template <class OnBlock, class OnDamage>
std::size_t walk(ByteSpan bytes, const Segment& segment, OnBlock&& on_block, OnDamage&& on_damage) {
    std::size_t at = segment.head.bytes;
    while (at < bytes.size()) {
        if (const auto block = check_block(bytes.subspan(at), segment.head.place, at)) {
            on_block(*block, at);
            at += sizeof(BlockHead) + block->length;
            continue;
        }
        const auto found = next_block(bytes, at + 8, segment.head.place);
        if (!found || load<BlockHead>(bytes.data() + *found).synced <= at) return at;
        on_damage(at);
        at = *found;
    }
    return bytes.size();
}

}  // namespace

void Segment::note(const BlockHead& block, std::uint64_t offset) {
    ShardPart& part = shards[block.shard];
    if (part.entries.empty()) part.first = block.first;
    if (part.entries.empty() || offset - part.entries.back().offset >= index_stride)
        part.entries.push_back({static_cast<std::uint32_t>(offset), block.first, block.arrived_ms});
    part.end = block.first + block.count;
    part.last_arrived_ms = block.arrived_ms;
    if (first_arrived_ms == 0) first_arrived_ms = block.arrived_ms;
    last_arrived_ms = block.arrived_ms;
}

Error Segment::damaged_at(std::uint64_t offset) const {
    return {ErrorCode::corrupt,
            fmt::format("{} is damaged at byte {}: the records there can't be read; those behind "
                        "it can, by a later position",
                        path.string(), offset)};
}

fs::path segment_path(const fs::path& folder, std::uint64_t number) {
    return folder / fmt::format("{:016}{}", number, suffix);
}

Result<std::shared_ptr<Segment>> begin_segment(const fs::path& folder, SegmentHead head) {
    auto segment = std::make_shared<Segment>();
    segment->path = segment_path(folder, head.place.number);
    const Bytes bytes = head_bytes(head);
    head.bytes = bytes.size();
    segment->file = TRY(File::open_to_write(segment->path));
    TRY(segment->file.truncate(0));
    TRY(segment->file.write_at(0, bytes));
    TRY(segment->file.sync());
    TRY(sync_folder(folder));
    segment->head = std::move(head);
    segment->durable = bytes.size();
    return segment;
}

Result<void> copy_segment(const Segment& segment, std::uint64_t bytes, const fs::path& to) {
    File file = TRY(File::create(to));
    Bytes piece;
    for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(copy_bytes, bytes - at));
        TRY(segment.file.read_at(at, piece));
        TRY(file.write_at(at, piece));
    }
    return file.sync();
}

Result<OpenedSegment> open_segment(const fs::path& path, bool last) {
    OpenedSegment opened{.segment = std::make_shared<Segment>(), .trims = {}};
    Segment& segment = *opened.segment;
    segment.path = path;
    segment.file = TRY(last ? File::open_to_write(path) : File::open_to_read(path));
    const MappedFile mapped = TRY(MappedFile::map(segment.file));
    const ByteSpan bytes = mapped.bytes();
    const auto head = parse_head(bytes);
    if (!head) {
        // Blocks come only once the head has reached the disk.
        if (!last || next_block(bytes, 0, {}))
            return fail(ErrorCode::corrupt,
                        fmt::format("{}: its head doesn't check out", path.string()));
        segment.file.close();
        TRY(remove_file(path));
        return fail(ErrorCode::not_found, fmt::format("{} was never finished", path.string()));
    }
    segment.head = *head;
    if (!last && read_index(segment, bytes.size())) return opened;
    bool is_whole = true;
    const std::size_t end = walk(
        bytes, segment,
        [&](const BlockHead& block, std::size_t at) {
            if (block.kind == BlockKind::trim)
                opened.trims.push_back({block.shard, block.first});
            else
                segment.note(block, at);
        },
        [&](std::size_t at) {
            log(LogLevel::error, segment.damaged_at(at).message);
            is_whole = false;
        });
    if (end < bytes.size()) {
        if (last) {
            TRY(segment.file.truncate(end));
            TRY(segment.file.sync());
        } else {
            log(LogLevel::error, segment.damaged_at(end).message);
        }
    }
    segment.durable = end;
    // Without it the next opening reads the file again.
    if (!last && is_whole && end == bytes.size()) (void)write_index(segment);
    return opened;
}

Result<std::vector<std::string>> check_segment(const fs::path& path, bool last) {
    Segment segment;
    segment.path = path;
    segment.file = TRY(File::open_to_read(path));
    const MappedFile mapped = TRY(MappedFile::map(segment.file));
    const auto head = parse_head(mapped.bytes());
    std::vector<std::string> found;
    if (!head) {
        if (!last || next_block(mapped.bytes(), 0, {}))
            found.push_back(fmt::format("{}: its head doesn't check out", path.string()));
        return found;
    }
    segment.head = *head;
    const auto note = [&](std::size_t at) { found.push_back(segment.damaged_at(at).message); };
    const std::size_t end = walk(
        mapped.bytes(), segment, [](const BlockHead&, std::size_t) {}, note);
    if (!last && end < mapped.bytes().size()) note(end);
    return found;
}

Result<std::vector<std::uint64_t>> segment_numbers(const fs::path& folder) {
    std::vector<std::uint64_t> numbers;
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const std::string name = entry->path().filename().string();
        std::uint64_t number = 0;
        const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
        if (read.ec == std::errc() && std::string_view(read.ptr) == suffix)
            numbers.push_back(number);
    }
    if (failed) return fail(error_from_errno("listing", folder.string(), failed.value()));
    std::ranges::sort(numbers);
    return numbers;
}

}  // namespace stroma::queue::segments
