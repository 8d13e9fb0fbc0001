#include "expression/csv/long_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <unordered_map>

#include "base/threads.h"
#include "expression/text/triplets.h"

namespace stroma::expression {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

bool is_one_of(const std::string& name, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// Ids numbered as they first appear. Lookups of known ids may run on several threads.
class Numbering {
public:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t find(std::string_view id) const {
        const auto found = numbers_.find(id);
        return found == numbers_.end() ? none : found->second;
    }
    std::uint32_t add(std::string_view id) {
        const auto found = numbers_.find(id);
        if (found != numbers_.end()) return found->second;
        texts_.push_back(std::make_unique<std::string>(id));
        const auto number = static_cast<std::uint32_t>(numbers_.size());
        numbers_.emplace(*texts_.back(), number);
        return number;
    }
    std::size_t size() const { return numbers_.size(); }
    TextArray ids() const {
        TextArray out;
        for (const auto& text : texts_) out.push_back(*text);
        return out;
    }

private:
    std::vector<std::unique_ptr<std::string>> texts_;
    std::unordered_map<std::string_view, std::uint32_t> numbers_;
};

struct NewId {
    std::size_t entry;
    std::string id;
};

struct Piece {
    std::vector<Triplet> entries;
    std::vector<NewId> new_cells, new_genes;  ///< ids that no number was known for
    ValueSurvey values;
    std::uint64_t lines = 0;
    std::string problem;
};

class LongText final : public TripletReader {
public:
    LongText(std::unique_ptr<TextInput> input, const Dialect& dialect, const LongColumns& columns)
        : input_(std::move(input)), dialect_(dialect), columns_(columns) {}

    Result<void> rewind() override {
        lines_ = 0;
        is_begun_ = false;
        return input_->rewind();
    }
    Result<bool> next(std::vector<Triplet>& out) override {
        out.clear();
        block_values_ = {};
        std::string_view block = TRY(next_block());
        if (block.empty()) return false;
        const auto texts = split_lines(block, thread_count());
        std::vector<Piece> pieces(texts.size());
        const auto parse_one = [&](std::size_t i) -> Result<void> {
            parse(texts[i], pieces[i]);
            return {};
        };
        TRY(parallel_for(texts.size(), parse_one));
        for (Piece& piece : pieces) {
            lines_ += piece.lines;
            if (!piece.problem.empty())
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}, line {} {}", input_->name(), lines_, piece.problem));
            for (const NewId& id : piece.new_cells)
                piece.entries[id.entry].cell = cells_.add(id.id);
            for (const NewId& id : piece.new_genes)
                piece.entries[id.entry].gene = genes_.add(id.id);
            block_values_.merge(piece.values);
            if (out.empty())
                out = std::move(piece.entries);
            else
                out.insert(out.end(), piece.entries.begin(), piece.entries.end());
        }
        if (genes_.size() > (1u << 24) || cells_.size() > 2147483647u)
            return fail(ErrorCode::exhausted, input_->name() +
                                                  ": more than 2^24 genes or 2^31 "
                                                  "cells");
        return true;
    }
    const ValueSurvey& block_values() const { return block_values_; }
    const Numbering& cells() const { return cells_; }
    const Numbering& genes() const { return genes_; }

private:
    Result<std::string_view> next_block() {
        std::string_view block = TRY(input_->next_block(parse_block_bytes()));
        std::string_view line;
        while (!is_begun_ && take_line(block, line)) {
            ++lines_;
            is_begun_ = !line.empty();
            if (block.empty()) block = TRY(input_->next_block(parse_block_bytes()));
        }
        return block;
    }
    /// The three fields of a line; false when their number is wrong.
    bool take_fields(std::string_view line, std::vector<std::string_view>& fields,
                     std::vector<std::string>& storage) const {
        return split_fields(line, dialect_, fields, storage) && fields.size() == columns_.count;
    }
    void parse(std::string_view text, Piece& piece) const {
        std::vector<std::string_view> fields;
        std::vector<std::string> storage;
        std::string_view line, last_cell;
        std::uint32_t last_number = Numbering::none;
        piece.entries.reserve(text.size() / 16);
        while (take_line(text, line)) {
            ++piece.lines;
            if (line.empty()) continue;
            if (!take_fields(line, fields, storage)) {
                piece.problem =
                    fmt::format("has {} fields; the header has {}", fields.size(), columns_.count);
                return;
            }
            NumberText value;
            if (!parse_number(fields[columns_.value], value) || !std::isfinite(value.value)) {
                piece.problem =
                    fmt::format("has the value '{}', which is not a number kept exactly",
                                fields[columns_.value].substr(0, 40));
                return;
            }
            const std::string_view cell = fields[columns_.cell], gene = fields[columns_.gene];
            if (cell != last_cell || last_number == Numbering::none)
                last_number = cells_.find(cell);
            last_cell = cell;
            Triplet entry{last_number, genes_.find(gene), value.value};
            if (!storage.empty()) last_number = Numbering::none;
            if (entry.cell == Numbering::none || entry.gene == Numbering::none) {
                if (!is_clean_text(cell) || !is_clean_text(gene)) {
                    piece.problem = "holds bytes that are not UTF-8 text";
                    return;
                }
                if (entry.cell == Numbering::none)
                    piece.new_cells.push_back({piece.entries.size(), std::string(cell)});
                if (entry.gene == Numbering::none)
                    piece.new_genes.push_back({piece.entries.size(), std::string(gene)});
            }
            piece.values.add(value);
            piece.entries.push_back(entry);
        }
    }

    std::unique_ptr<TextInput> input_;
    Dialect dialect_;
    LongColumns columns_;
    Numbering cells_, genes_;
    ValueSurvey block_values_;
    std::uint64_t lines_ = 0;
    bool is_begun_ = false;
};

}  // namespace

std::optional<LongColumns> find_long_columns(std::string_view header, const Dialect& dialect) {
    std::vector<std::string_view> fields;
    std::vector<std::string> storage;
    if (!split_fields(header, dialect, fields, storage) || fields.size() < 3 || fields.size() > 12)
        return std::nullopt;
    std::optional<std::size_t> cell, gene, value;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::string name = lower(fields[i]);
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
    return LongColumns{*cell, *gene, *value, fields.size()};
}

Result<LongTable> read_long_table(std::unique_ptr<TextInput> input, const Dialect& dialect,
                                  const LongColumns& columns) {
    auto text = std::make_unique<LongText>(std::move(input), dialect, columns);
    TripletSurvey survey;
    std::vector<Triplet> block;
    while (TRY(text->next(block))) {
        survey.add(block);
        survey.values.merge(text->block_values());
    }
    TRY(text->rewind());
    LongTable table;
    table.cells = text->cells().ids();
    table.genes = text->genes().ids();
    table.unit = survey.values.unit();
    const std::uint64_t cells = table.cells.size(), genes = table.genes.size();
    table.source = source_of_triplets(std::move(text), std::move(survey), cells, genes);
    return table;
}

}  // namespace stroma::expression
