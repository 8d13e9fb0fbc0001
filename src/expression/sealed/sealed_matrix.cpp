#include "expression/sealed/sealed_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace stroma::expression {

template <class T>
Result<std::vector<T>> StoredMatrix::read_numbers(std::string_view piece,
                                                  std::uint64_t count) const {
    const auto* section = TRY(container_->section(matrix_section(number_, piece)));
    const Bytes bytes = TRY(container_->read_bytes(*section, count * sizeof(T)));
    if (bytes.size() != count * sizeof(T))
        return fail(container_->damage(*section, 0, "it has not as many values as the matrix"));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(static_cast<void*>(values.data()), bytes.data(), bytes.size());
    return values;
}

Result<std::vector<FixedSums>> StoredMatrix::stored_totals() const {
    return read_numbers<FixedSums>("totals", record_.summary.genes);
}

Result<std::shared_ptr<const StoredMatrix>> StoredMatrix::open(
    std::shared_ptr<const ContainerReader> container, std::size_t number, MatrixRecord record) {
    const auto matrix = std::shared_ptr<StoredMatrix>(new StoredMatrix);
    matrix->container_ = std::move(container);
    matrix->number_ = number;
    matrix->record_ = std::move(record);
    const ContainerReader& reader = *matrix->container_;
    matrix->by_cell_ = TRY(reader.section(matrix_section(number, "by_cell")));
    matrix->by_gene_ = TRY(reader.section(matrix_section(number, "by_gene")));
    const auto* dictionary = TRY(reader.section(matrix_section(number, "dictionary")));
    if (dictionary->block_count > 0) {
        if (dictionary->block_count != matrix->by_cell_->block_count)
            return fail(reader.damage(*dictionary, 0, "it doesn't match the cells' blocks"));
        matrix->dictionary_ = dictionary;
    }
    matrix->record_.summary.bytes_by_cell =
        matrix->by_cell_->stored_bytes() + dictionary->stored_bytes();
    matrix->record_.summary.bytes_by_gene = matrix->by_gene_->stored_bytes();
    const std::uint32_t genes = matrix->gene_count();
    matrix->gene_of_rank_ = TRY(matrix->read_numbers<std::uint32_t>("genes", genes));
    matrix->rank_of_gene_.assign(genes, ~0u);
    for (std::uint32_t rank = 0; rank < genes; ++rank) {
        const std::uint32_t gene = matrix->gene_of_rank_[rank];
        if (gene >= genes || matrix->rank_of_gene_[gene] != ~0u)
            return fail(reader.damage(*TRY(reader.section(matrix_section(number, "genes"))), 0,
                                      "its gene numbers are no permutation"));
        matrix->rank_of_gene_[gene] = rank;
    }
    return matrix;
}

Result<std::vector<std::uint32_t>> StoredMatrix::cell_lengths() const {
    return read_numbers<std::uint32_t>("cell_lengths", record_.cells);
}
Result<std::vector<double>> StoredMatrix::cell_totals() const {
    return read_numbers<double>("cell_totals", record_.cells);
}

Result<void> StoredMatrix::check_cell(std::uint64_t cell) const {
    if (cell < record_.cells) return {};
    return fail(ErrorCode::invalid_input, fmt::format("{} has {} cells; there is no cell {}",
                                                      record_.summary.name, record_.cells, cell));
}
Result<void> StoredMatrix::check_gene(std::uint64_t gene) const {
    if (gene < record_.summary.genes) return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("{} has {} genes; there is no gene {}", record_.summary.name,
                            record_.summary.genes, gene));
}

Result<void> StoredMatrix::open_lines(const ContainerReader::Section& section, std::uint64_t block,
                                      std::uint64_t line_count, OpenBlock& open) const {
    const auto damaged = [&](std::string_view what) {
        return fail(container_->damage(section, block, what));
    };
    auto view = LineBlockView::parse(open.bytes);
    if (!view) return damaged(view.error().message);
    open.view = *view;
    open.first_line = section.entry(block).first;
    const std::uint64_t end =
        block + 1 < section.block_count ? section.entry(block + 1).first : line_count;
    if (end > line_count || open.first_line > end ||
        open.view.line_count() != end - open.first_line)
        return damaged("it has not as many lines as the directory says");
    if (open.view.coding() != record_.coding) return damaged("it is coded unlike its matrix");
    if (record_.coding == LineBlockView::Coding::raw) {
        open.value_starts.assign(1, 0);
        for (std::uint32_t i = 0; i < open.view.line_count(); ++i)
            open.value_starts.push_back(open.value_starts.back() + open.view.length(i));
        auto values = decompress_and_unshuffle(
            open.view.raw_values(), size_of(record_.summary.type), open.value_starts.back());
        if (!values) return damaged(values.error().message);
        open.values = *std::move(values);
    }
    return {};
}

Result<void> StoredMatrix::open_cells(std::uint64_t block, OpenBlock& open) const {
    open.number = ~std::uint64_t{0};
    open.bytes = TRY(container_->copy_block(*by_cell_, block, open.room));
    TRY(open_lines(*by_cell_, block, record_.cells, open));
    if (dictionary_ != nullptr) {
        open.dictionary = TRY(container_->copy_block(*dictionary_, block, open.dictionary_room));
        if (!open_dictionary(open))
            return fail(container_->damage(*dictionary_, block, "its sizes don't fit its cells"));
    }
    open.number = block;
    return {};
}

Result<void> StoredMatrix::open_dictionary(OpenBlock& open) const {
    const ByteSpan bytes = *open.dictionary;
    if (bytes.empty()) {
        open.dictionary.reset();
        return {};
    }
    const auto wrong = fail(ErrorCode::corrupt, "");
    const std::uint32_t lines = open.view.line_count();
    if (bytes.size() < std::uint64_t{lines} * 4) return wrong;
    open.dictionary_starts.assign(1, std::uint64_t{lines} * 4);
    for (std::uint32_t i = 0; i < lines; ++i)
        open.dictionary_starts.push_back(open.dictionary_starts.back() +
                                         std::uint64_t{load<std::uint32_t>(bytes.data() + i * 4)} *
                                             size_of(record_.summary.type));
    if (open.dictionary_starts.back() != bytes.size()) return wrong;
    return {};
}

Result<std::uint32_t> StoredMatrix::open_cell(std::uint32_t cell, OpenBlock& open) const {
    TRY(check_cell(cell));
    if (open.number == ~std::uint64_t{0} || cell < open.first_line ||
        cell - open.first_line >= open.view.line_count())
        TRY(open_cells(by_cell_->block_of(cell), open));
    const std::uint64_t line = cell - open.first_line;
    if (cell < open.first_line || line >= open.view.line_count())
        return fail(container_->damage(*by_cell_, open.number, "it doesn't hold its cells"));
    return static_cast<std::uint32_t>(line);
}

/// Reads cells one by one into places and values in the order of var.
class CellReader {
public:
    explicit CellReader(const StoredMatrix& matrix)
        : matrix_(matrix), size_(size_of(matrix.record_.summary.type)) {
        const std::size_t genes = matrix.gene_count();
        seen_.assign((genes + 63) / 64, 0);
        code_of_gene_.resize(genes);
    }

    /// Writes one cell from out.places[at] on, with the values at the same number; gives its
    /// length.
    Result<std::uint32_t> read(std::uint32_t cell, std::uint64_t at, LineBlock& out) {
        const std::uint32_t line = TRY(matrix_.open_cell(cell, open_));
        const std::uint32_t length = open_.view.length(line);
        TRY(scatter(line));
        make_room(at + length, out);
        std::uint32_t* places = out.places.data() + at;
        std::byte* values = out.values.data() + at * size_;
        if (raw()) {
            collect<Raw>(line, places, values);
        } else if (open_.dictionary &&
                   open_.dictionary_starts[line] != open_.dictionary_starts[line + 1]) {
            TRY(check_codes(line));
            collect<Entry>(line, places, values);
        } else {
            collect<Own>(line, places, values);
        }
        return length;
    }

private:
    /// Grows by half at least; what is there stays, and is overwritten instead of cleared.
    void make_room(std::uint64_t count, LineBlock& out) const {
        if (out.places.size() < count) out.places.resize(count + count / 2);
        if (out.values.size() < count * size_) out.values.resize((count + count / 2) * size_);
    }

    struct Raw {};
    struct Entry {};
    struct Own {};

    bool raw() const { return matrix_.record_.coding == LineBlockView::Coding::raw; }

    tl::unexpected<Error> damaged() const {
        return fail(
            matrix_.container_->damage(*matrix_.by_cell_, open_.number, "a cell is damaged"));
    }

    Result<void> scatter(std::uint32_t line) {
        LineDecoder decoder = open_.view.decoder(line, matrix_.gene_count());
        std::uint32_t ranks[LineDecoder::room], codes[LineDecoder::room];
        const std::uint32_t* genes = matrix_.gene_of_rank_.data();
        std::uint32_t position = 0;
        largest_code_ = 0;
        while (const std::size_t count = decoder.next(ranks, raw() ? nullptr : codes)) {
            for (std::size_t i = 0; i < count; ++i) {
                const std::uint32_t gene = genes[ranks[i]];
                seen_[gene / 64] |= std::uint64_t{1} << (gene % 64);
                code_of_gene_[gene] = raw() ? position + static_cast<std::uint32_t>(i) : codes[i];
            }
            position += static_cast<std::uint32_t>(count);
            if (open_.dictionary)
                for (std::size_t i = 0; i < count; ++i)
                    largest_code_ = std::max(largest_code_, codes[i]);
        }
        if (!decoder.damaged()) return {};
        std::fill(seen_.begin(), seen_.end(), 0);
        return damaged();
    }

    Result<void> check_codes(std::uint32_t line) {
        const std::uint64_t bytes =
            open_.dictionary_starts[line + 1] - open_.dictionary_starts[line];
        if (largest_code_ < bytes / size_) return {};
        std::fill(seen_.begin(), seen_.end(), 0);
        return damaged();
    }

    template <class Kind>
    void collect(std::uint32_t line, std::uint32_t* places, std::byte* values) {
        switch (matrix_.record_.summary.type) {
            case ValueType::float32: return collect_as<Kind, float>(line, places, values);
            case ValueType::float64: return collect_as<Kind, double>(line, places, values);
            default: break;
        }
        switch (size_) {
            case 1: return collect_as<Kind, std::uint8_t>(line, places, values);
            case 2: return collect_as<Kind, std::uint16_t>(line, places, values);
            case 4: return collect_as<Kind, std::uint32_t>(line, places, values);
            default: return collect_as<Kind, std::uint64_t>(line, places, values);
        }
    }

    template <class Kind, class T>
    void collect_as(std::uint32_t line, std::uint32_t* places, std::byte* values) {
        const std::byte* from = nullptr;
        if constexpr (std::is_same_v<Kind, Raw>)
            from = open_.values.data() + open_.value_starts[line] * sizeof(T);
        if constexpr (std::is_same_v<Kind, Entry>)
            from = open_.dictionary->bytes().data() + open_.dictionary_starts[line];
        for (std::size_t word = 0; word < seen_.size(); ++word) {
            std::uint64_t bits = seen_[word];
            if (bits == 0) continue;
            seen_[word] = 0;
            for (; bits != 0; bits &= bits - 1, values += sizeof(T)) {
                const auto gene = static_cast<std::uint32_t>(
                    word * 64 + static_cast<unsigned>(std::countr_zero(bits)));
                *places++ = gene;
                const std::uint32_t code = code_of_gene_[gene];
                if constexpr (std::is_same_v<Kind, Own>)
                    store(values, static_cast<T>(code));
                else
                    std::memcpy(values, from + std::size_t{code} * sizeof(T), sizeof(T));
            }
        }
    }

    const StoredMatrix& matrix_;
    std::size_t size_;
    StoredMatrix::OpenBlock open_;
    std::vector<std::uint64_t> seen_;  ///< a bit for each gene of the cell; zero between cells
    std::vector<std::uint32_t> code_of_gene_;
    std::uint32_t largest_code_ = 0;
};

Result<void> StoredMatrix::read_cells(std::span<const std::uint32_t> cells, LineBlock& out) const {
    out.first_line = 0;
    out.starts.assign(1, 0);
    out.starts.reserve(cells.size() + 1);
    CellReader reader(*this);
    for (const std::uint32_t cell : cells)
        out.starts.push_back(out.starts.back() + TRY(reader.read(cell, out.starts.back(), out)));
    out.places.resize(out.starts.back());
    out.values.resize(out.starts.back() * size_of(record_.summary.type));
    return {};
}

}  // namespace stroma::expression
