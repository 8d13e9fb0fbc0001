#include "expression/mtx/mtx_writer.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "base/threads.h"
#include "base/usual_or_tiny.h"
#include "expression/output/deflate.h"
#include "expression/output/frame_text.h"
#include "expression/output/matrix_lines.h"
#include "expression/output/number_text.h"
#include "expression/output/ordered_work.h"
#include "expression/output/output_files.h"
#include "expression/output/value_types.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_a_piece = usual_or_tiny(1u << 16, 7u);
constexpr int gzip_level = 1;

std::string header_text(std::uint64_t genes, std::uint64_t cells, std::uint64_t entries,
                        bool whole) {
    const std::string kind = whole ? "integer" : "real";
    return "%%MatrixMarket matrix coordinate " + kind + " general\n" + std::to_string(genes) + " " +
           std::to_string(cells) + " " + std::to_string(entries) + "\n";
}

/// "1 ", "2 "… for every gene, counted from 1.
std::vector<ShortText> gene_texts(std::uint64_t genes) {
    std::vector<ShortText> texts(genes);
    for (std::uint64_t gene = 0; gene < genes; ++gene) {
        ShortText& text = texts[gene];
        char* end = std::to_chars(text.text, text.text + sizeof text.text, gene + 1).ptr;
        *end++ = ' ';
        text.length = static_cast<std::uint8_t>(end - text.text);
    }
    return texts;
}

struct Piece {
    LineBlock block;
    Bytes text;  ///< only its first text_bytes are used, so that it is cleared but once
    std::size_t text_bytes = 0;
    Bytes member;
    PackedPiece packed;
};

template <class T>
bool is_whole(T value) {
    // Past 2^53 the text has an exponent, which an integer file may not have.
    if constexpr (std::is_floating_point_v<T>)
        return value == std::trunc(value) && std::fabs(value) < T{1ll << 53};
    return true;
}

/// Whether all values of a block can stand in an integer file.
template <class T>
bool is_whole(const LineBlock& block) {
    const T* const values = block.values_as<T>();
    return std::all_of(values, values + block.places.size(),
                       [](const T value) { return is_whole(value); });
}

/// Writes a piece's entries at the start of its text.
template <class T>
void write_entries(Piece& piece, const std::vector<ShortText>& genes) {
    constexpr std::size_t entry_bytes_max = 2 * sizeof(ShortText::text) + number_text_bytes_max;
    const LineBlock& block = piece.block;
    if (piece.text.size() < block.places.size() * entry_bytes_max)
        piece.text.resize(block.places.size() * entry_bytes_max);
    char* const begin = reinterpret_cast<char*>(piece.text.data());
    char* to = begin;
    const T* values = block.values_as<T>();
    for (std::uint64_t line = 0; line < block.line_count(); ++line) {
        ShortText cell;
        char* end =
            std::to_chars(cell.text, cell.text + sizeof cell.text - 1, block.first_line + line + 1)
                .ptr;
        *end++ = ' ';
        cell.length = static_cast<std::uint8_t>(end - cell.text);
        for (std::uint64_t at = block.starts[line]; at < block.starts[line + 1]; ++at) {
            const T value = values[at];
            if (value == T{}) continue;
            const ShortText& gene = genes[block.places[at]];
            std::memcpy(to, gene.text, sizeof gene.text);
            to += gene.length;
            std::memcpy(to, cell.text, sizeof cell.text);
            to += cell.length;
            to = write_number(to, value);
            *to++ = '\n';
        }
    }
    piece.text_bytes = static_cast<std::size_t>(to - begin);
}

/// Reads every value once: the header, which comes first, says how many aren't zero and whether all
/// are whole.
Result<bool> count_values(MatrixSource& source, std::span<const LineRange> ranges,
                          std::span<const std::uint64_t> starts, Tally& tally,
                          const Progress& progress) {
    std::atomic<bool> whole{true};
    BlockPool pool;
    const auto counted = parallel_for(ranges.size(), [&](std::size_t i) -> Result<void> {
        TRY(progress.check());
        auto block = pool.take();
        TRY(read_range(source, ranges[i], starts, *block));
        tally.add(*block, source.value_type());
        const bool all = with_type(source.value_type(), [&]<class T>(std::type_identity<T>) {
            return is_whole<T>(*block);
        });
        if (!all) whole = false;
        pool.give_back(std::move(block));
        return {};
    });
    if (!counted) return fail(counted.error());
    return whole.load();
}

Result<WrittenMatrix> write_matrix(MatrixSource& source, OutputFiles& files, const Watch& watch) {
    const std::uint64_t cells = source.cell_count(), genes = source.gene_count();
    const auto starts = TRY(line_starts(source, watch));
    const auto ranges = ranges_of_values(starts, values_a_piece);
    const auto texts = gene_texts(genes);
    Tally tally(cells);
    Progress progress(watch, static_cast<double>(cells));
    const bool whole = TRY(count_values(source, ranges, starts, tally, progress));

    const std::string header = header_text(genes, cells, tally.nonzeros(), whole);
    Bytes member;
    PackedPiece head;
    deflate_whole(as_bytes(header), Deflated::gzip, gzip_level, member);
    files.pack(member, head);
    TRY(files.begin("matrix.mtx.gz"));
    TRY(files.append(head));
    std::vector<Piece> pieces(slots_for(values_a_piece * 96));
    const auto make = [&](std::size_t i, std::size_t slot) -> Result<void> {
        Piece& piece = pieces[slot];
        TRY(read_range(source, ranges[i], starts, piece.block));
        with_type(source.value_type(),
                  [&]<class T>(std::type_identity<T>) { write_entries<T>(piece, texts); });
        deflate_whole(ByteSpan(piece.text).first(piece.text_bytes), Deflated::gzip, gzip_level,
                      piece.member);
        files.pack(piece.member, piece.packed);
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

/// Three columns, as every 10x reader knows them; a fourth to sixth is taken for coordinates by
/// some (DropletUtils). The matrix service's zip has nine, all in genes.tsv.gz too.
Bytes features_text(const Frame& var, Bundling bundling) {
    const Column* name = gene_name_column(var);
    const Column* kind = var.find("feature_types");
    std::vector<const Column*> more;
    if (bundling != Bundling::folder)
        for (const std::string_view column :
             {"featuretype", "chromosome", "featurestart", "featureend", "isgene", "genus_species"})
            more.push_back(var.find(column));
    if (std::ranges::all_of(more, [](const Column* column) { return column == nullptr; }))
        more.clear();
    std::string text;
    for (std::size_t row = 0; row < var.row_count(); ++row) {
        const std::string_view id = var.index[row];
        append_field(text, id, '\t', Quoting::plain);
        text += '\t';
        const std::string gene = name == nullptr ? "" : name->text(row);
        append_field(text, gene.empty() ? id : gene, '\t', Quoting::plain);
        text += '\t';
        const std::string kind_text = kind == nullptr ? "" : kind->text(row);
        append_field(text, kind_text.empty() ? "Gene Expression" : kind_text, '\t', Quoting::plain);
        for (const Column* column : more) {
            text += '\t';
            if (column != nullptr) append_field(text, column->text(row), '\t', Quoting::plain);
        }
        text += '\n';
    }
    return to_bytes(text);
}

bool all_differ(const TextArray& texts) {
    std::unordered_set<std::string_view> seen;
    seen.reserve(texts.size());
    for (std::size_t row = 0; row < texts.size(); ++row)
        if (texts[row].empty() || !seen.insert(texts[row]).second) return false;
    return true;
}

/// Each text, a repeated one with a number behind it that no other text has.
TextArray made_unique(const TextArray& texts) {
    std::unordered_set<std::string> taken, given;
    for (std::size_t row = 0; row < texts.size(); ++row) taken.emplace(texts[row]);
    TextArray unique;
    for (std::size_t row = 0; row < texts.size(); ++row) {
        std::string text(texts[row]);
        for (int number = 1; !given.insert(text).second;) {
            do text = std::string(texts[row]) + "-" + std::to_string(number++);
            while (taken.contains(text));
        }
        unique.push_back(text);
    }
    return unique;
}

/// 10x readers need barcodes that differ, which those of several experiments together do not.
Bytes barcodes_text(const Frame& obs) {
    TextArray barcodes;
    if (const Column* column = obs.find("barcode"))
        for (std::size_t row = 0; row < column->size(); ++row)
            barcodes.push_back(column->text(row));
    if (barcodes.empty() || !all_differ(barcodes)) barcodes = obs.index;
    if (!all_differ(barcodes)) barcodes = made_unique(barcodes);
    std::string text;
    for (std::size_t row = 0; row < barcodes.size(); ++row) {
        append_field(text, barcodes[row], '\t', Quoting::plain);
        text += '\n';
    }
    return to_bytes(text);
}

Result<void> add_gzip(OutputFiles& files, std::string_view name, const Bytes& text) {
    Bytes member;
    deflate_whole(text, Deflated::gzip, gzip_level, member);
    return files.add(name, member);
}

}  // namespace

Result<WrittenMatrix> MtxWriter::write(const AnnotatedData& data, const fs::path& path,
                                       const WriteOptions& options, const Watch& watch) const {
    if (!options.compression.empty() && options.compression != "gzip")
        return fail(ErrorCode::unsupported, "mtx files are always gzip");
    const Bundling bundling = TRY(bundling_of(options.layout, Bundling::stored_zip));
    const std::string stem = TRY(stem_of(options.stem, path));
    TRY(check_data(data));
    MatrixSource* source = TRY(main_matrix(data, name()));
    const auto files = TRY(OutputFiles::create(path, bundling, stem, options.settled));
    // The matrix comes last: its header must wait until all values were seen once.
    TRY(add_gzip(*files, "features.tsv.gz", features_text(data.var, bundling)));
    TRY(add_gzip(*files, "barcodes.tsv.gz", barcodes_text(data.obs)));
    TRY(add_table(*files, "genes.tsv.gz", data.var, {"featurekey", '\t', true}, watch));
    TRY(add_table(*files, "cells.tsv.gz", data.obs, {"cellkey", '\t', true}, watch));
    WrittenMatrix written = TRY(write_matrix(*source, *files, watch));
    written.bytes = TRY(files->commit(options.durable));
    return written;
}

}  // namespace stroma::expression
