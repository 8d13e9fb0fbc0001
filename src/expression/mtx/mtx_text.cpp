#include "expression/mtx/mtx_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/threads.h"
#include "expression/text/words.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t cells_max = 2147483647, genes_max = 1u << 24;

std::string_view take_word(std::string_view& line) {
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    std::size_t end = 0;
    while (end < line.size() && line[end] != ' ' && line[end] != '\t') ++end;
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

}  // namespace

struct MtxText::Piece {
    TripletBlock block;
    std::uint64_t lines = 0;
    std::string problem;  ///< of the line with number `lines`

    void read(std::string_view text, const MtxHeader& header, bool cells_are_columns);

private:
    std::string read_entry(std::string_view line, const MtxHeader& header, bool cells_are_columns);
};

std::string MtxText::place(std::uint64_t line) const {
    return fmt::format("{}, line {}", input_->name(), line);
}

Result<MtxText> MtxText::open(InputFiles& files, std::string_view name,
                              std::uint64_t unpacked_bytes_max) {
    auto input = TRY(TextInput::open(
        files, name, {.unpacked_bytes_max = unpacked_bytes_max, .line_bytes_max = 1u << 20}));
    MtxText text(std::move(input));
    TRY(text.read_header());
    return text;
}

Result<void> MtxText::read_header() {
    header_ = {};
    head_rest_ = TRY(input_->next_block(64u << 10));
    std::string_view line;
    if (!take_line(head_rest_, line))
        return fail(ErrorCode::invalid_input, input_->name() + " is empty");
    header_.lines = 1;
    const std::string_view banner = take_word(line);
    const std::string object = lower_ascii(take_word(line)), format = lower_ascii(take_word(line));
    const std::string field = lower_ascii(take_word(line)), symmetry = lower_ascii(take_word(line));
    if (lower_ascii(banner) != "%%matrixmarket" || object != "matrix")
        return fail(ErrorCode::invalid_input,
                    place(1) + " is not '%%MatrixMarket matrix ...': not a MatrixMarket file");
    if (format != "coordinate")
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{}: format '{}' is not read; write it as coordinate", place(1), format));
    if (symmetry != "general")
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: symmetry '{}' is not read; cells × genes is 'general'",
                                place(1), symmetry));
    if (field == "pattern")
        header_.field = MtxHeader::Field::pattern;
    else if (field == "integer" || field == "unsigned-integer")
        header_.field = MtxHeader::Field::integer;
    else if (field != "real" && field != "double")
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: field '{}' is not read; integer, real and pattern are",
                                place(1), field));
    while (true) {
        if (head_rest_.empty()) {
            head_rest_ = TRY(input_->next_block(64u << 10));
            if (head_rest_.empty())
                return fail(ErrorCode::invalid_input, input_->name() + " ends before its sizes");
        }
        take_line(head_rest_, line);
        ++header_.lines;
        std::string_view rest = line;
        const std::string_view first = take_word(rest);
        if (first.empty() || first.front() == '%') continue;
        if (!parse_whole(first, header_.rows) || !parse_whole(take_word(rest), header_.columns) ||
            !parse_whole(take_word(rest), header_.entries) || !take_word(rest).empty())
            return fail(ErrorCode::invalid_input,
                        place(header_.lines) + " should hold rows, columns and entries");
        break;
    }
    lines_read_ = header_.lines;
    entries_read_ = 0;
    if (std::min(header_.rows, header_.columns) > genes_max ||
        std::max(header_.rows, header_.columns) > cells_max)
        return fail(
            ErrorCode::exhausted,
            fmt::format("{}: {} × {} is past the limit of {} cells and {} genes",
                        place(header_.lines), header_.rows, header_.columns, cells_max, genes_max));
    return {};
}

std::string MtxText::Piece::read_entry(std::string_view line, const MtxHeader& header,
                                       bool cells_are_columns) {
    std::uint64_t row = 0, column = 0;
    if (!parse_whole(take_word(line), row) || !parse_whole(take_word(line), column))
        return "should begin with two whole numbers, row and column";
    if (row == 0 || column == 0) return "has index 0; MatrixMarket counts from 1";
    if (row > header.rows)
        return fmt::format("has row {}, but the header says {} rows", row, header.rows);
    if (column > header.columns)
        return fmt::format("has column {}, but the header says {} columns", column, header.columns);
    NumberText value{1, true, true};
    if (header.field != MtxHeader::Field::pattern) {
        const std::string_view word = take_word(line);
        if (!parse_number(word, value))
            return fmt::format("has the value '{}', which is not a number kept exactly",
                               word.substr(0, 40));
        if (!std::isfinite(value.value)) return "has a value that is not finite";
        if (header.field == MtxHeader::Field::integer && !value.is_integer)
            return fmt::format("has the value '{}', but the header says integer",
                               word.substr(0, 40));
    }
    if (!take_word(line).empty()) return "holds more than an entry";
    block.add_cell(static_cast<std::uint32_t>((cells_are_columns ? column : row) - 1));
    block.genes.push_back(static_cast<std::uint32_t>((cells_are_columns ? row : column) - 1));
    block.add_value(value);
    return {};
}

void MtxText::Piece::read(std::string_view text, const MtxHeader& header, bool cells_are_columns) {
    block.clear();
    lines = 0;
    std::string_view line;
    while (take_line(text, line)) {
        ++lines;
        if (line.empty() || line.front() == '%' ||
            line.find_first_not_of(" \t") == std::string_view::npos)
            continue;
        problem = read_entry(line, header, cells_are_columns);
        if (!problem.empty()) return;
    }
}

Result<void> MtxText::read_block(std::string_view block, bool cells_are_columns,
                                 std::vector<Piece>& pieces) {
    const auto texts = split_lines(block, 2 * thread_count());
    pieces.resize(texts.size());
    TRY(parallel_for(texts.size(), [&](std::size_t i) -> Result<void> {
        pieces[i].read(texts[i], header_, cells_are_columns);
        return {};
    }));
    for (const Piece& piece : pieces) {
        entries_read_ += piece.block.size();
        lines_read_ += piece.lines;
        if (entries_read_ > header_.entries)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} holds more entries than the {} that its header says (by "
                                    "line {})",
                                    input_->name(), header_.entries, lines_read_));
        if (!piece.problem.empty())
            return fail(ErrorCode::invalid_input, place(lines_read_) + " " + piece.problem);
    }
    return {};
}

Result<void> MtxText::read(bool cells_are_columns, TripletSpool& spool) {
    std::vector<Piece> pieces;
    std::string_view block = std::exchange(head_rest_, {});
    if (block.empty()) block = TRY(input_->next_block(parse_block_bytes()));
    for (; !block.empty(); block = TRY(input_->next_block(parse_block_bytes()))) {
        TRY(read_block(block, cells_are_columns, pieces));
        TRY(spool.add(pieces.size(),
                      [&](std::size_t i) -> const TripletBlock& { return pieces[i].block; }));
    }
    if (entries_read_ == header_.entries) return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("{} holds {} entries; its header says {}", input_->name(),
                            entries_read_, header_.entries));
}

}  // namespace stroma::expression
