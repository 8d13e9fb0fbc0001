#include "expression/csv/wide_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "base/threads.h"
#include "expression/text/numbers.h"

namespace stroma::expression {
namespace {

/// The lines of one piece of text, parsed.
struct TablePiece {
    TextArray ids;
    std::vector<std::uint32_t> lengths;  ///< non-zeros of each line
    std::vector<std::uint32_t> places;
    std::vector<double> values;
    ValueSurvey survey;
    std::uint64_t lines = 0;
    std::string problem;  ///< of the line with number `lines`
};

/// Parses lines "id,value,value..." of `width` values.
class LineParser {
public:
    LineParser(const Dialect& dialect, std::size_t width) : dialect_(dialect), width_(width) {}

    void parse(std::string_view text, bool keeps_values, TablePiece& piece) const {
        std::vector<std::string_view> fields;
        std::vector<std::string> storage;
        std::string_view line;
        while (take_line(text, line)) {
            ++piece.lines;
            if (line.empty()) continue;
            const std::size_t before = piece.places.size();
            piece.problem = line.find('"') == std::string_view::npos
                                ? parse_plain(line, piece)
                                : parse_quoted(line, fields, storage, piece);
            if (!piece.problem.empty()) return;
            piece.lengths.push_back(static_cast<std::uint32_t>(piece.places.size() - before));
            if (keeps_values) continue;
            piece.places.clear();
            piece.values.clear();
        }
    }

private:
    std::string add_id(std::string_view id, TablePiece& piece) const {
        if (!is_clean_text(id)) return "begins with an id that is not UTF-8 text";
        piece.ids.push_back(id);
        return {};
    }
    std::string add_value(std::string_view field, std::size_t place, TablePiece& piece) const {
        if (field == "0") return {};
        NumberText number;
        if (!parse_number(field, number) || !std::isfinite(number.value)) {
            if (!is_clean_text(field)) return "holds bytes that are not UTF-8 text";
            return fmt::format("has '{}' in field {}, which is not a number kept exactly",
                               field.substr(0, 40), place + 2);
        }
        piece.survey.add(number);
        if (number.value == 0) return {};
        piece.places.push_back(static_cast<std::uint32_t>(place));
        piece.values.push_back(number.value);
        return {};
    }
    std::string wrong_count(std::size_t fields) const {
        return fmt::format("has {} fields; {} are due", fields, width_ + 1);
    }
    std::string parse_plain(std::string_view line, TablePiece& piece) const {
        std::size_t end = std::min(line.find(dialect_.separator), line.size());
        if (std::string problem = add_id(line.substr(0, end), piece); !problem.empty())
            return problem;
        std::size_t place = 0;
        const char* at = line.data() + end;
        const char* const stop = line.data() + line.size();
        while (at < stop) {
            ++at;
            const char* const begin = at;
            while (at < stop && *at != dialect_.separator) ++at;
            if (place == width_)
                return wrong_count(static_cast<std::size_t>(
                                       std::count(line.begin(), line.end(), dialect_.separator)) +
                                   1);
            if (at - begin != 1 || *begin != '0') {
                std::string problem =
                    add_value({begin, static_cast<std::size_t>(at - begin)}, place, piece);
                if (!problem.empty()) return problem;
            }
            ++place;
        }
        return place == width_ ? std::string() : wrong_count(place + 1);
    }
    std::string parse_quoted(std::string_view line, std::vector<std::string_view>& fields,
                             std::vector<std::string>& storage, TablePiece& piece) const {
        if (!split_fields(line, dialect_, fields, storage)) return "has a quote that isn't closed";
        if (fields.size() != width_ + 1) return wrong_count(fields.size());
        std::string problem = add_id(fields[0], piece);
        for (std::size_t i = 0; i < width_ && problem.empty(); ++i)
            problem = add_value(fields[i + 1], i, piece);
        return problem;
    }

    Dialect dialect_;
    std::size_t width_;
};

/// The table's lines in order, block by block. Starts behind the header.
class Lines {
public:
    Lines(std::unique_ptr<TextInput> input, const Dialect& dialect)
        : input_(std::move(input)), dialect_(dialect) {}

    /// Takes the header line; empty lines before it are passed over.
    Result<std::string> take_header() {
        lines_ = 0;
        while (true) {
            rest_ = TRY(input_->next_block(parse_block_bytes()));
            if (rest_.empty()) return fail(ErrorCode::invalid_input, input_->name() + " is empty");
            std::string_view line;
            while (take_line(rest_, line)) {
                ++lines_;
                if (!line.empty()) return std::string(line);
            }
        }
    }
    std::string_view peek() const { return rest_; }
    Result<void> rewind() {
        TRY(input_->rewind());
        TRY(take_header());
        return {};
    }
    /// The next block's pieces; empty at the end.
    Result<std::vector<TablePiece>> next(const LineParser& parser, bool keeps_values) {
        std::string_view block = std::exchange(rest_, {});
        if (block.empty()) block = TRY(input_->next_block(parse_block_bytes()));
        const auto texts = split_lines(block, thread_count());
        std::vector<TablePiece> pieces(texts.size());
        const auto parse = [&](std::size_t i) -> Result<void> {
            parser.parse(texts[i], keeps_values, pieces[i]);
            return {};
        };
        TRY(parallel_for(texts.size(), parse));
        for (const TablePiece& piece : pieces) {
            lines_ += piece.lines;
            if (!piece.problem.empty())
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}, line {} {}", name(), lines_, piece.problem));
        }
        return pieces;
    }
    const std::string& name() const { return input_->name(); }
    const Dialect& dialect() const { return dialect_; }

private:
    std::unique_ptr<TextInput> input_;
    Dialect dialect_;
    std::string_view rest_;
    std::uint64_t lines_ = 0;
};

class WideSource final : public MatrixSource {
public:
    WideSource(std::unique_ptr<Lines> lines, std::size_t width, Order order, ValueType type,
               std::vector<std::uint32_t> lengths)
        : lines_(std::move(lines)),
          parser_(lines_->dialect(), width),
          width_(width),
          order_(order),
          type_(type),
          lengths_(std::move(lengths)) {}
    std::uint64_t cell_count() const override {
        return order_ == Order::by_cell ? lengths_.size() : width_;
    }
    std::uint64_t gene_count() const override {
        return order_ == Order::by_cell ? width_ : lengths_.size();
    }
    ValueType value_type() const override { return type_; }
    Order order() const override { return order_; }
    // A table of counts is written out sparse; one of scaled values would only grow by that.
    bool was_dense() const override {
        const auto stored = std::accumulate(lengths_.begin(), lengths_.end(), std::uint64_t{0});
        return 2 * stored > std::uint64_t{width_} * lengths_.size();
    }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override { return lengths_; }
    bool is_random_access() const override { return false; }
    std::uint64_t lines_per_read() const override {
        return std::clamp<std::uint64_t>((4u << 20) / (width_ + 1), 1, 65536);
    }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        if (first == 0 && next_line_ != 0) {
            TRY(lines_->rewind());
            pieces_.clear();
            piece_ = line_ = entry_ = 0;
            next_line_ = 0;
        }
        assert(first == next_line_ && first + count <= lengths_.size());
        out.first_line = first;
        out.starts.assign(1, 0);
        out.places.clear();
        out.values.clear();
        while (out.line_count() < count) {
            while (piece_ < pieces_.size() && line_ == pieces_[piece_].lengths.size()) {
                ++piece_;
                line_ = entry_ = 0;
            }
            if (piece_ == pieces_.size()) {
                pieces_ = TRY(lines_->next(parser_, true));
                piece_ = 0;
                if (pieces_.empty())
                    return fail(ErrorCode::invalid_input, lines_->name() + " changed while read");
                continue;
            }
            put_line(pieces_[piece_], out);
        }
        next_line_ = first + count;
        return {};
    }

private:
    void put_line(const TablePiece& piece, LineBlock& out) {
        const std::size_t end = entry_ + piece.lengths[line_], width = size_of(type_);
        out.places.insert(out.places.end(), piece.places.begin() + static_cast<long>(entry_),
                          piece.places.begin() + static_cast<long>(end));
        std::size_t at = out.values.size();
        out.values.resize(out.places.size() * width);
        for (; entry_ < end; ++entry_, at += width)
            store_value(out.values.data() + at, type_, piece.values[entry_]);
        out.starts.push_back(out.places.size());
        ++line_;
    }

    std::unique_ptr<Lines> lines_;
    LineParser parser_;
    std::size_t width_;
    Order order_;
    ValueType type_;
    std::vector<std::uint32_t> lengths_;
    std::vector<TablePiece> pieces_;
    std::size_t piece_ = 0, line_ = 0, entry_ = 0;
    std::uint64_t next_line_ = 0;
};

/// How many fields the first line below the header has; 0 when there is none.
std::size_t fields_of_first_line(std::string_view text, const Dialect& dialect) {
    std::string_view line;
    std::vector<std::string_view> fields;
    std::vector<std::string> storage;
    while (take_line(text, line))
        if (!line.empty()) return split_fields(line, dialect, fields, storage) ? fields.size() : 0;
    return 0;
}

Result<void> split_header(const std::string& header, Lines& lines, WideTable& table) {
    std::vector<std::string_view> fields;
    std::vector<std::string> storage;
    if (!is_clean_text(header))
        return fail(ErrorCode::invalid_input, lines.name() + ", line 1 is not UTF-8 text");
    if (!split_fields(header, lines.dialect(), fields, storage))
        return fail(ErrorCode::invalid_input,
                    lines.name() + ", line 1 has a quote that isn't closed");
    // R's write.table leaves out the field over the row names.
    const bool has_corner =
        fields_of_first_line(lines.peek(), lines.dialect()) != fields.size() + 1;
    if (has_corner) table.corner = fields[0];
    for (std::size_t i = has_corner ? 1 : 0; i < fields.size(); ++i)
        table.header_ids.push_back(fields[i]);
    return {};
}

}  // namespace

Result<WideTable> read_wide_table(std::unique_ptr<TextInput> input, const Dialect& dialect,
                                  const LinesAreCells& lines_are_cells) {
    auto lines = std::make_unique<Lines>(std::move(input), dialect);
    WideTable table;
    const std::string header = TRY(lines->take_header());
    TRY(split_header(header, *lines, table));
    const LineParser parser(dialect, table.header_ids.size());
    ValueSurvey survey;
    std::vector<std::uint32_t> lengths;
    while (true) {
        const std::vector<TablePiece> pieces = TRY(lines->next(parser, false));
        if (pieces.empty()) break;
        for (const TablePiece& piece : pieces) {
            survey.merge(piece.survey);
            lengths.insert(lengths.end(), piece.lengths.begin(), piece.lengths.end());
            for (std::size_t i = 0; i < piece.ids.size(); ++i)
                table.line_ids.push_back(piece.ids[i]);
        }
    }
    TRY(lines->rewind());
    const bool are_cells = TRY(lines_are_cells(table.corner, table.header_ids, table.line_ids));
    table.unit = survey.unit();
    table.source = std::make_unique<WideSource>(std::move(lines), table.header_ids.size(),
                                                are_cells ? Order::by_cell : Order::by_gene,
                                                survey.type(), std::move(lengths));
    return table;
}

}  // namespace stroma::expression
