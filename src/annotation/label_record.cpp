#include "annotation/label_state.h"
#include "base/digest.h"
#include "base/json.h"

// A change as it is stored: checksum, length of the head, head (JSON), and a bitmap for each move.

namespace stroma::annotation {
namespace {

constexpr std::size_t head_at = sizeof(std::uint64_t) + sizeof(std::uint32_t);

std::optional<std::string> text_in(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional(json.get<std::string>());
}

tl::unexpected<Error> damaged() {
    return fail(ErrorCode::corrupt, "a stored change of labels is damaged");
}

Result<LabelChange> change_in(const Json& head, std::string_view bitmaps, std::uint32_t cells) {
    LabelChange change;
    for (const Json& edit : head["edits"])
        change.edits.push_back({edit[0].get<std::int32_t>(), text_in(edit[1]), text_in(edit[2])});
    for (const Json& move : head["moves"]) {
        const auto size = move[2].get<std::size_t>();
        if (size > bitmaps.size()) return damaged();
        auto runs = runs_of_bitmap(as_bytes(bitmaps.substr(0, size)), cells);
        if (!runs) return damaged();
        bitmaps.remove_prefix(size);
        change.moves.push_back(
            {move[0].get<std::int32_t>(), move[1].get<std::int32_t>(), *std::move(runs)});
    }
    return change;
}

}  // namespace

std::string to_bytes(const LabelChange& change, std::uint64_t seed) {
    Json head{{"edits", Json::array()}, {"moves", Json::array()}};
    for (const LabelEdit& edit : change.edits)
        head["edits"].push_back({edit.code, text_json(edit.before), text_json(edit.after)});
    std::string bitmaps;
    for (const CellMove& move : change.moves) {
        const std::string bitmap = to_bitmap(move.cells);
        head["moves"].push_back({move.from, move.to, bitmap.size()});
        bitmaps += bitmap;
    }
    const std::string text = head.dump();
    std::string bytes(head_at, '\0');
    bytes += text + bitmaps;
    const auto length = static_cast<std::uint32_t>(text.size());
    std::memcpy(bytes.data() + sizeof(std::uint64_t), &length, sizeof length);
    const std::uint64_t sum = checksum64(as_bytes(bytes).subspan(sizeof(std::uint64_t)), seed);
    std::memcpy(bytes.data(), &sum, sizeof sum);
    return bytes;
}

Result<LabelChange> label_change_of(std::string_view bytes, std::uint64_t seed,
                                    std::uint32_t cells) {
    if (bytes.size() < head_at) return damaged();
    const ByteSpan all = as_bytes(bytes);
    if (load<std::uint64_t>(all.data()) != checksum64(all.subspan(sizeof(std::uint64_t)), seed))
        return damaged();
    const auto length = load<std::uint32_t>(all.data() + sizeof(std::uint64_t));
    if (length > bytes.size() - head_at) return damaged();
    const auto head =
        parse_json(bytes.substr(head_at, length), {.bytes_max = std::size_t{1} << 30});
    if (!head) return damaged();
    return change_in(*head, bytes.substr(head_at + length), cells);
}

}  // namespace stroma::annotation
