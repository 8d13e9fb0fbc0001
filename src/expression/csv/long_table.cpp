#include "expression/csv/long_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "base/threads.h"
#include "expression/text/delimiters.h"
#include "expression/text/id_table.h"
#include "expression/text/triplets.h"
#include "expression/text/words.h"

namespace stroma::expression {
namespace {

constexpr std::size_t strip_bytes = 32u << 10;
constexpr std::size_t rows_at_once = 64;
constexpr std::uint32_t is_new = 1u << 31;  ///< numbers of a piece's own ids, until it is joined

/// Reads 1 to 7 digits, eight bytes at once; false when they aren't all digits.
bool read_digits(const char* at, std::size_t count, std::int32_t& value) {
    std::uint64_t text = 0;
    std::memcpy(&text, at, 8);
    text = text << (64 - 8 * count) | 0x3030303030303030u >> (8 * count);
    constexpr std::uint64_t high = 0xF0F0F0F0F0F0F0F0u, zeros = 0x3030303030303030u;
    if ((text & high) != zeros || ((text + 0x0606060606060606u) & high) != zeros) return false;
    text = (text & 0x0F0F0F0F0F0F0F0Fu) * 2561 >> 8;
    text = (text & 0x00FF00FF00FF00FFu) * 6553601 >> 16;
    text = (text & 0x0000FFFF0000FFFFu) * 42949672960001u >> 32;
    value = static_cast<std::int32_t>(text);
    return true;
}

/// The ids of one axis: those that all pieces know, and those that one piece found.
struct Ids {
    const IdTable& known;
    IdTable found;
    std::vector<std::uint32_t> numbers;  ///< of the found ones, once joined

    void join(IdTable& all) {
        numbers.clear();
        for (std::size_t i = 0; i < found.size(); ++i)
            numbers.push_back(all.add(IdKey(found.ids()[i])));
        found = {};
    }
    std::uint32_t final_number(std::uint32_t number) const {
        return (number & is_new) == 0 ? number : numbers[number & ~is_new];
    }
};

/// Some whole lines being read on one thread.
class Piece {
public:
    Piece(const Dialect& dialect, const LongColumns& columns, const IdTable& cells,
          const IdTable& genes)
        : dialect_(dialect), columns_(columns), cells_{cells, {}, {}}, genes_{genes, {}, {}} {
        if (dialect.quotes) special_ += '"';
        if (dialect.backslash) special_ += '\\';
    }

    void read(std::string_view text) {
        block_.clear();
        lines_ = 0;
        end_ = text.data() + text.size();
        last_cell_ = IdTable::none;
        while (!text.empty() && problem_.empty()) {
            std::size_t end = text.rfind('\n', strip_bytes - 1);
            const bool is_short = end != std::string_view::npos;
            if (!is_short) end = std::min(text.find('\n'), text.size() - 1);
            const std::string_view strip = text.substr(0, end + 1);
            text.remove_prefix(strip.size());
            if (is_short && find_delimiters(strip, dialect_.separator, special_, delimiters_))
                read_strip(strip);
            else
                read_lines(strip);
        }
    }
    /// Gives ids that are new to all their numbers; one piece after the other.
    void join_ids(IdTable& cells, IdTable& genes) {
        cells_.join(cells);
        genes_.join(genes);
    }
    const TripletBlock& finish() {
        for (auto& run : block_.cells) run.cell = cells_.final_number(run.cell);
        if (!genes_.numbers.empty())
            for (std::uint32_t& gene : block_.genes) gene = genes_.final_number(gene);
        return block_;
    }
    std::uint64_t lines() const { return lines_; }
    const std::string& problem() const { return problem_; }  ///< of the last line read

private:
    void read_strip(std::string_view strip) {
        const std::uint32_t* at = delimiters_.data();
        const std::uint32_t* const end = at + delimiters_.size();
        std::uint32_t begin = 0;
        while (at < end && problem_.empty()) {
            const std::size_t rows = read_rows(strip.data(), begin, at, end);
            at += rows * columns_.count;
            lines_ += rows;
            if (rows == 0) {
                while (strip[*at] != '\n') ++at;
                flush();
                read_line(strip.substr(begin, *at - begin));
                ++at;
            }
            begin = at[-1] + 1;
        }
        flush();
    }
    void flush() {
        block_.add_small_integers(integers_);
        integers_.clear();
    }
    /// Reads lines of plain fields whose value is a small integer: how many it did, at most
    /// rows_at_once. None leaves the next line to read_line.
    std::size_t read_rows(const char* strip, std::uint32_t begin, const std::uint32_t* at,
                          const std::uint32_t* end) {
        const std::size_t most =
            std::min(rows_at_once, static_cast<std::size_t>(end - at) / columns_.count);
        std::size_t rows = 0;
        for (; rows < most; ++rows, at += columns_.count)
            if (!read_fields(strip, rows == 0 ? begin : at[-1] + 1, at, rows_[rows])) break;
        // Genes come in an order that no cache can guess; by now they are on their way.
        for (std::size_t row = 0; row < rows; ++row) {
            const Row& read = rows_[row];
            if (!add_place(read.cell, read.gene, genes_.known.find_at(read.gene_place, read.gene)))
                return row;
            integers_.push_back(read.value);
        }
        return rows;
    }
    struct Row {
        IdKey cell, gene;
        std::uint64_t gene_place = 0;  ///< in the table of known ones
        std::int32_t value = 0;
    };
    bool read_fields(const char* strip, std::uint32_t begin, const std::uint32_t* delimiters,
                     Row& row) const {
        const std::uint32_t stop = delimiters[columns_.count - 1];
        for (std::size_t i = 0; i + 1 < columns_.count; ++i)
            if (strip[delimiters[i]] == '\n') return false;
        if (strip[stop] != '\n' || end_ - (strip + stop) < 16) return false;
        const std::string_view text = field(strip, begin, delimiters, columns_.value);
        if (text.empty() || text.size() > 7 || !read_digits(text.data(), text.size(), row.value))
            return false;
        row.cell.set_padded(field(strip, begin, delimiters, columns_.cell));
        row.gene.set_padded(field(strip, begin, delimiters, columns_.gene));
        row.gene_place = genes_.known.prefetch(row.gene);
        return true;
    }
    /// Field i of the row that begins there; the last one without its carriage return.
    std::string_view field(const char* strip, std::uint32_t begin, const std::uint32_t* delimiters,
                           std::size_t i) const {
        const char* first = strip + (i == 0 ? begin : delimiters[i - 1] + 1);
        const char* last = strip + delimiters[i];
        if (i + 1 == columns_.count && last > first && last[-1] == '\r') --last;
        return {first, static_cast<std::size_t>(last - first)};
    }
    void read_lines(std::string_view text) {
        std::string_view line;
        while (problem_.empty() && take_line(text, line)) read_line(line);
    }
    void read_line(std::string_view line) {
        ++lines_;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.empty()) return;
        if (!split_fields(line, dialect_, fields_, storage_) || fields_.size() != columns_.count) {
            problem_ =
                fmt::format("has {} fields; the header has {}", fields_.size(), columns_.count);
            return;
        }
        NumberText value;
        if (!parse_number(fields_[columns_.value], value) || !std::isfinite(value.value)) {
            problem_ = fmt::format("has the value '{}', which is not a number kept exactly",
                                   fields_[columns_.value].substr(0, 40));
            return;
        }
        last_cell_ = IdTable::none;  // its text may be one that doesn't stay
        const IdKey gene(fields_[columns_.gene]);
        if (add_place(IdKey(fields_[columns_.cell]), gene, genes_.known.find(gene)))
            block_.add_value(value);
        else
            problem_ = "holds bytes that are not UTF-8 text";
        last_cell_ = IdTable::none;
    }
    /// False, and nothing added, when an id is no text. `known_gene` is its number unless the gene
    /// is new.
    bool add_place(const IdKey& cell, const IdKey& gene, std::uint32_t known_gene) {
        if (last_cell_ == IdTable::none || !cell.equals(last_key_)) {
            last_cell_ = number_of(cell, cells_);
            last_key_ = cell;
        }
        const std::uint32_t gene_number =
            known_gene != IdTable::none ? known_gene : number_of(gene, genes_);
        if (last_cell_ == IdTable::none || gene_number == IdTable::none) return false;
        block_.add_cell(last_cell_);
        block_.genes.push_back(gene_number);
        return true;
    }
    static std::uint32_t number_of(const IdKey& key, Ids& ids) {
        const std::uint32_t known = ids.known.find(key);
        if (known != IdTable::none) return known;
        const std::uint32_t found = ids.found.find(key);
        if (found != IdTable::none) return found | is_new;
        if (!is_clean_text(key.text)) return IdTable::none;
        return ids.found.add(key) | is_new;
    }

    const Dialect& dialect_;
    const LongColumns& columns_;
    Ids cells_, genes_;
    std::string special_;
    TripletBlock block_;
    std::vector<std::int32_t> integers_;  ///< values of block_ that it hasn't got yet
    std::uint64_t lines_ = 0;
    std::string problem_;
    const char* end_ = nullptr;
    std::uint32_t last_cell_ = IdTable::none;
    IdKey last_key_{""};
    std::vector<std::uint32_t> delimiters_;
    std::vector<Row> rows_ = std::vector<Row>(rows_at_once);
    std::vector<std::string_view> fields_;
    std::vector<std::string> storage_;
};

class LongText {
public:
    LongText(std::unique_ptr<TextInput> input, const Dialect& dialect, const LongColumns& columns)
        : input_(std::move(input)), dialect_(dialect), columns_(columns) {}

    Result<LongTable> read(File* scratch) {
        TripletSpool spool(scratch);
        std::string_view block = TRY(first_block());
        for (; !block.empty(); block = TRY(input_->next_block(parse_block_bytes())))
            TRY(read_block(block, spool));
        LongTable table;
        table.cells = cells_.ids();
        table.genes = genes_.ids();
        table.unit = spool.survey().unit();
        table.source = TRY(std::move(spool).finish(table.cells.size(), table.genes.size()));
        return table;
    }

private:
    /// What follows the header.
    Result<std::string_view> first_block() {
        std::string_view block = TRY(input_->next_block(parse_block_bytes())), line;
        for (bool is_begun = !columns_.has_header; !is_begun && take_line(block, line);) {
            ++lines_;
            is_begun = !line.empty();
            if (block.empty()) block = TRY(input_->next_block(parse_block_bytes()));
        }
        return block;
    }
    Result<void> read_block(std::string_view block, TripletSpool& spool) {
        const auto texts = split_lines(block, 4 * thread_count());
        while (pieces_.size() < texts.size())
            pieces_.emplace_back(dialect_, columns_, cells_, genes_);
        TRY(parallel_for(texts.size(), [&](std::size_t i) -> Result<void> {
            pieces_[i].read(texts[i]);
            return {};
        }));
        for (std::size_t i = 0; i < texts.size(); ++i) {
            lines_ += pieces_[i].lines();
            if (!pieces_[i].problem().empty())
                return fail(ErrorCode::invalid_input, fmt::format("{}, line {} {}", input_->name(),
                                                                  lines_, pieces_[i].problem()));
            pieces_[i].join_ids(cells_, genes_);
        }
        if (genes_.size() > (1u << 24) || cells_.size() > 2147483647u)
            return fail(ErrorCode::exhausted,
                        input_->name() + ": more than 2^24 genes or 2^31 cells");
        return spool.add(texts.size(),
                         [&](std::size_t i) -> const TripletBlock& { return pieces_[i].finish(); });
    }

    std::unique_ptr<TextInput> input_;
    Dialect dialect_;
    LongColumns columns_;
    IdTable cells_, genes_;
    std::vector<Piece> pieces_;
    std::uint64_t lines_ = 0;
};

/// The matrix service's own tables have no header: cell key, feature key, kind, value.
bool is_service_line(const std::vector<std::string_view>& fields, const Dialect& dialect) {
    NumberText number;
    return dialect.separator == '|' && fields.size() == 4 && !fields[0].empty() &&
           !fields[1].empty() && !parse_number(fields[2], number) &&
           parse_number(fields[3], number);
}

}  // namespace

std::optional<LongColumns> find_long_columns(std::string_view first_line, const Dialect& dialect) {
    std::vector<std::string_view> fields;
    std::vector<std::string> storage;
    if (!split_fields(first_line, dialect, fields, storage) || fields.size() < 3 ||
        fields.size() > 12)
        return std::nullopt;
    if (is_service_line(fields, dialect)) return LongColumns{0, 1, 3, 4, false};
    std::optional<std::size_t> cell, gene, value;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::string name = lower_ascii(fields[i]);
        if (!cell && is_one_of(name, {"cell", "cell_id", "cellid", "cellkey", "cell_key", "barcode",
                                      "cell_barcode"}))
            cell = i;
        else if (!gene && is_one_of(name, {"gene", "gene_id", "geneid", "feature", "feature_id",
                                           "featurekey", "feature_key", "gene_name", "symbol"}))
            gene = i;
        else if (!value && is_one_of(name, {"value", "count", "counts", "expression", "exprvalue",
                                            "exrpvalue", "umi", "umis", "umi_count"}))
            value = i;
    }
    if (!cell || !gene || !value) return std::nullopt;
    return LongColumns{*cell, *gene, *value, fields.size(), true};
}

Result<LongTable> read_long_table(std::unique_ptr<TextInput> input, const Dialect& dialect,
                                  const LongColumns& columns, File* scratch) {
    return LongText(std::move(input), dialect, columns).read(scratch);
}

}  // namespace stroma::expression
