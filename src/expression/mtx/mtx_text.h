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

/// The entries of a MatrixMarket file, parsed on all threads.
class MtxText {
public:
    static Result<MtxText> open(InputFiles& files, std::string_view name,
                                std::uint64_t unpacked_bytes_max);

    const MtxHeader& header() const { return header_; }
    /// Puts every entry into the spool. Once.
    /// errors  name the file and line: a wrong index, a value that isn't a finite number, more or
    ///         fewer entries than the header says
    Result<void> read(bool cells_are_columns, TripletSpool& spool);

private:
    struct Piece;
    explicit MtxText(std::unique_ptr<TextInput> input) : input_(std::move(input)) {}
    Result<void> read_header();
    Result<void> read_block(std::string_view block, bool cells_are_columns,
                            std::vector<Piece>& pieces);
    std::string place(std::uint64_t line) const;

    std::unique_ptr<TextInput> input_;
    MtxHeader header_;
    std::string_view head_rest_;  ///< what the header's block holds beyond the header
    std::uint64_t lines_read_ = 0, entries_read_ = 0;
};

}  // namespace stroma::expression
