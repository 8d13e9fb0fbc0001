#include "expression/csv/csv_writer.h"

#include <algorithm>
#include <cstring>

#include "base/usual_or_tiny.h"
#include "expression/output/frame_text.h"
#include "expression/output/matrix_lines.h"
#include "expression/output/number_text.h"
#include "expression/output/ordered_work.h"
#include "expression/output/output_files.h"
#include "expression/output/value_types.h"

namespace stroma::expression {
namespace {

// Text of one piece, if no value had more than one digit.
constexpr std::uint64_t piece_bytes = usual_or_tiny(1u << 20, 16u);

/// ",0,0,0…": what stands between two stored values.
class Zeros {
public:
    explicit Zeros(std::uint64_t genes) {
        const std::uint64_t repeated = std::min<std::uint64_t>(genes, 4096);
        for (std::uint64_t i = 0; i < repeated; ++i) text_ += ",0";
    }
    char* write(char* to, std::uint64_t count) const {
        std::uint64_t bytes = 2 * count;
        while (bytes > 0) {
            const std::uint64_t now = std::min<std::uint64_t>(bytes, text_.size());
            std::memcpy(to, text_.data(), now);
            to += now;
            bytes -= now;
        }
        return to;
    }

private:
    std::string text_;
};

/// One worker's memory.
struct Piece {
    LineBlock block;
    Bytes text;
    PackedPiece packed;
};

template <class T>
char* write_row(char* to, const LineBlock& block, std::uint64_t line, std::uint64_t genes,
                const Zeros& zeros) {
    std::uint64_t next_gene = 0;
    for (std::uint64_t at = block.starts[line]; at < block.starts[line + 1]; ++at) {
        to = zeros.write(to, block.places[at] - next_gene);
        *to++ = ',';
        to = write_number(to, block.values_as<T>()[at]);
        next_gene = std::uint64_t{block.places[at]} + 1;
    }
    to = zeros.write(to, genes - next_gene);
    *to++ = '\n';
    return to;
}

/// Writes the rows of a block behind each other into `text`.
template <class T>
Result<void> write_rows(const LineBlock& block, const TextArray& cell_ids, std::uint64_t genes,
                        const Zeros& zeros, Bytes& text) {
    text.clear();
    std::string id;
    for (std::uint64_t line = 0; line < block.line_count(); ++line) {
        const std::uint64_t begin = block.starts[line], end = block.starts[line + 1];
        for (std::uint64_t at = begin + 1; at < end; ++at)
            if (block.places[at] <= block.places[at - 1])
                return fail(ErrorCode::corrupt, "cell " + std::to_string(block.first_line + line) +
                                                    " names a gene twice or out of order");
        id.clear();
        append_field(id, cell_ids[block.first_line + line], ',', Quoting::formulas);
        const std::size_t used = text.size();
        const std::size_t room =
            id.size() + 2 * genes + (number_text_bytes_max + 1) * (end - begin) + 1;
        if (text.capacity() < used + room) text.reserve(std::max(2 * used, used + room));
        text.resize(used + room);
        char* to = reinterpret_cast<char*>(text.data()) + used;
        to += id.copy(to, id.size());
        to = write_row<T>(to, block, line, genes, zeros);
        text.resize(static_cast<std::size_t>(to - reinterpret_cast<char*>(text.data())));
    }
    return {};
}

Bytes header_of(const TextArray& gene_ids) {
    std::string text = "cellkey";
    for (std::size_t gene = 0; gene < gene_ids.size(); ++gene) {
        text += ',';
        append_field(text, gene_ids[gene], ',', Quoting::formulas);
    }
    text += '\n';
    return to_bytes(text);
}

Result<WrittenMatrix> write_expression(const AnnotatedData& data, MatrixSource& source,
                                       OutputFiles& files, const Watch& watch) {
    const std::uint64_t cells = source.cell_count(), genes = source.gene_count();
    const auto ranges =
        ranges_of_lines(cells, std::clamp<std::uint64_t>(piece_bytes / (2 * genes + 1), 1, 4096));
    const Zeros zeros(genes);
    Tally tally(cells);
    Progress progress(watch, static_cast<double>(cells));

    PackedPiece head;
    Bytes header = header_of(data.var.index);
    files.pack(header, head);
    TRY(files.begin("expression.csv"));
    TRY(files.append(head));
    std::vector<Piece> pieces(slots_for(4 * std::max(piece_bytes, 4 * genes)));
    const auto make = [&](std::size_t i, std::size_t slot) -> Result<void> {
        Piece& piece = pieces[slot];
        TRY(read_range(source, ranges[i], {}, piece.block));
        tally.add(piece.block, source.value_type());
        const auto rows = with_type(source.value_type(), [&]<class T>(std::type_identity<T>) {
            return write_rows<T>(piece.block, data.obs.index, genes, zeros, piece.text);
        });
        if (!rows) return rows;
        files.pack(piece.text, piece.packed);
        return {};
    };
    const auto take = [&](std::size_t i, std::size_t slot) -> Result<void> {
        TRY(files.append(pieces[slot].packed));
        progress.add(static_cast<double>(ranges[i].count));
        return {};
    };
    TRY(run_in_order(ranges.size(), pieces.size(), watch, make, take));
    TRY(files.end());
    return WrittenMatrix{cells, genes, tally.nonzeros(), tally.sum(), 0};
}

}  // namespace

Result<WrittenMatrix> CsvWriter::write(const AnnotatedData& data, const fs::path& path,
                                       const WriteOptions& options, const Watch& watch) const {
    if (!options.compression.empty() && options.compression != "none")
        return fail(ErrorCode::unsupported, "csv has no compression but the layout zip");
    const Bundling bundling = TRY(bundling_of(options.layout, Bundling::deflated_zip));
    const std::string stem = TRY(stem_of(options.stem, path));
    TRY(check_data(data));
    MatrixSource* source = TRY(main_matrix(data, name()));
    const auto files = TRY(OutputFiles::create(path, bundling, stem, options.settled));
    WrittenMatrix written = TRY(write_expression(data, *source, *files, watch));
    TRY(add_table(*files, "cells.csv", data.obs, {.index_name = "cellkey"}, watch));
    TRY(add_table(*files, "genes.csv", data.var, {.index_name = "featurekey"}, watch));
    written.bytes = TRY(files->commit(options.durable));
    return written;
}

}  // namespace stroma::expression
