#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "expression/text/text_input.h"
#include "expression/text/triplets.h"

namespace stroma::expression {

/// What a MatrixMarket file says of itself before its entries.
struct MtxHeader {
    enum class Field { integer, real, pattern };
    Field field = Field::real;
    std::uint64_t rows = 0, columns = 0, entries = 0;
    std::uint64_t lines = 0;  ///< header lines: the first entry is on the line after
};

/// The entries of a MatrixMarket file as triplets, parsed on all threads.
/// errors while reading name the file and line: a wrong index, a value that isn't a finite number,
/// more or fewer entries than the header says.
class MtxText final : public TripletReader {
public:
    /// cells_are_columns can be set until the first next().
    static Result<std::unique_ptr<MtxText>> open(InputFiles& files, std::string_view name,
                                                 std::uint64_t unpacked_bytes_max);

    const MtxHeader& header() const { return header_; }
    void set_cells_are_columns(bool value) { cells_are_columns_ = value; }
    Result<void> rewind() override;
    Result<bool> next(std::vector<Triplet>& out) override;
    /// Of the triplets that the last next() gave.
    const ValueSurvey& block_values() const { return block_values_; }

private:
    struct Piece;
    explicit MtxText(std::unique_ptr<TextInput> input) : input_(std::move(input)) {}
    Result<void> read_header();
    void parse(std::string_view text, Piece& piece) const;
    std::string parse_entry(std::string_view line, Triplet& entry, NumberText& value) const;
    std::string place(std::uint64_t line) const;

    std::unique_ptr<TextInput> input_;
    MtxHeader header_;
    bool cells_are_columns_ = true;
    std::string_view head_rest_;  ///< what the header's block holds beyond the header
    std::uint64_t lines_read_ = 0, entries_read_ = 0;
    ValueSurvey block_values_;
};

}  // namespace stroma::expression
