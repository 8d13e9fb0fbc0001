#include "expression/sealed/line_turning.h"

#include <algorithm>
#include <cstring>

namespace stroma::expression {
namespace {

template <class Payload>
class Turner {
public:
    Turner(std::uint32_t begin, std::uint32_t end, std::vector<std::uint64_t>& starts,
           TurnedEntry<Payload>* entries, std::uint64_t entries_max, EntryWatcher<Payload>* watcher)
        : begin_(begin),
          end_(end),
          starts_(starts),
          entries_(entries),
          entries_max_(entries_max),
          watcher_(watcher) {}

    /// False when the line is damaged or holds more than was counted.
    bool turn(LineDecoder decoder, std::uint32_t line, LineDecoder::Position& position,
              const std::byte* values) {
        decoder.resume(position);
        for (;;) {
            position = decoder.position();
            const std::size_t count = decoder.next(places_, values == nullptr ? codes() : nullptr);
            if (count == 0) return !decoder.damaged();
            if (places_[count - 1] < begin_) continue;
            const std::size_t first = std::lower_bound(places_, places_ + count, begin_) - places_;
            const std::size_t stop =
                places_[count - 1] < end_
                    ? count
                    : std::lower_bound(places_, places_ + count, end_) - places_;
            if (values != nullptr)
                std::memcpy(payloads_, values + position.chunk * values_per_chunk * sizeof(Payload),
                            count * sizeof(Payload));
            if (!put(line, first, stop)) return false;
            if (stop < count) return true;  // this chunk is needed again for the next range
        }
    }

private:
    std::uint32_t* codes() { return reinterpret_cast<std::uint32_t*>(payloads_); }

    bool put(std::uint32_t line, std::size_t first, std::size_t stop) {
        for (std::size_t i = first; i < stop; ++i) {
            const std::uint64_t at = starts_[places_[i] - begin_]++;
            if (at >= entries_max_) return false;
            entries_[at] = {line, payloads_[i]};
        }
        if (watcher_ != nullptr && stop > first)
            watcher_->entries(places_ + first, payloads_ + first, stop - first);
        return true;
    }

    std::uint32_t begin_, end_;
    std::vector<std::uint64_t>& starts_;
    TurnedEntry<Payload>* entries_;
    std::uint64_t entries_max_;
    EntryWatcher<Payload>* watcher_;
    std::uint32_t places_[LineDecoder::room];
    alignas(
        8) Payload payloads_[LineDecoder::room * (sizeof(Payload) < 4 ? 4 / sizeof(Payload) : 1)];
};

}  // namespace

template <class Payload>
Result<void> turn_lines(const PackedLines& lines, std::uint32_t begin, std::uint32_t end,
                        LinePositions& positions, std::vector<std::uint64_t>& starts,
                        TurnedEntry<Payload>* entries, std::uint64_t entries_max,
                        EntryWatcher<Payload>* watcher) {
    positions.resize(lines.line_count());
    Turner<Payload> turner(begin, end, starts, entries, entries_max, watcher);
    for (std::uint64_t block = 0; block < lines.block_count(); ++block) {
        const OpenLines open = TRY(lines.open(block));
        const bool raw = open.view.coding() == LineBlockView::Coding::raw;
        const std::byte* values = raw ? open.values.data() : nullptr;
        for (std::uint32_t i = 0; i < open.view.line_count(); ++i) {
            const std::uint64_t line = open.first_line + i;
            if (watcher != nullptr) TRY(watcher->begin_line(line));
            if (open.view.length(i) > 0 &&
                !turner.turn(open.view.decoder(i, lines.place_limit()),
                             static_cast<std::uint32_t>(line), positions[line], values))
                return fail(ErrorCode::corrupt, "a line that was just written reads back damaged");
            if (raw) values += std::size_t{open.view.length(i)} * sizeof(Payload);
        }
    }
    return {};
}

template Result<void> turn_lines(const PackedLines&, std::uint32_t, std::uint32_t, LinePositions&,
                                 std::vector<std::uint64_t>&, TurnedEntry<std::uint8_t>*,
                                 std::uint64_t, EntryWatcher<std::uint8_t>*);
template Result<void> turn_lines(const PackedLines&, std::uint32_t, std::uint32_t, LinePositions&,
                                 std::vector<std::uint64_t>&, TurnedEntry<std::uint16_t>*,
                                 std::uint64_t, EntryWatcher<std::uint16_t>*);
template Result<void> turn_lines(const PackedLines&, std::uint32_t, std::uint32_t, LinePositions&,
                                 std::vector<std::uint64_t>&, TurnedEntry<std::uint32_t>*,
                                 std::uint64_t, EntryWatcher<std::uint32_t>*);
template Result<void> turn_lines(const PackedLines&, std::uint32_t, std::uint32_t, LinePositions&,
                                 std::vector<std::uint64_t>&, TurnedEntry<std::uint64_t>*,
                                 std::uint64_t, EntryWatcher<std::uint64_t>*);

}  // namespace stroma::expression
