#include "expression/csv/csv_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <map>

#include "expression/csv/long_table.h"
#include "expression/csv/wide_table.h"
#include "expression/csv/words.h"

namespace stroma::expression {
namespace {

/// "", or which ids stand below this header field.
std::string_view axis_named(std::string_view corner) {
    const std::string name = lower(corner);
    if (is_one_of(name, {"cell", "cells", "cell_id", "cellid", "cellkey", "barcode", "barcodes",
                         "index_cell", "cell_barcode", "obs"}))
        return "cells";
    if (is_one_of(name, {"gene", "genes", "gene_id", "geneid", "gene_name", "feature", "features",
                         "feature_id", "featurekey", "symbol", "gene_symbol", "var"}))
        return "genes";
    return "";
}

bool looks_like_barcode(std::string_view id) {
    std::size_t bases = 0, longest = 0;
    for (const char c : id) {
        bases = c == 'A' || c == 'C' || c == 'G' || c == 'T' ? bases + 1 : 0;
        longest = std::max(longest, bases);
    }
    if (longest >= 10) return true;
    const std::string name = lower(id);
    if (name.starts_with("cell")) return true;
    const bool is_hex = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
    });
    return is_hex && (name.size() == 32 || name.size() == 36);
}

bool looks_like_gene(std::string_view id) {
    if (id.starts_with("ENS") && id.size() >= 15) return true;
    const std::string name = lower(id);
    if (name.starts_with("mt-") || name.starts_with("gene")) return true;
    return is_one_of(name, {"actb", "gapdh", "malat1", "b2m",    "cd3d", "cd3e",  "cd4",   "cd8a",
                            "cd14", "cd19",  "ms4a1",  "lyz",    "nkg7", "ptprc", "epcam", "xist",
                            "tp53", "rpl13", "rps18",  "tmsb4x", "a1bg", "a1cf"});
}

double share(const TextArray& ids, bool (*looks)(std::string_view)) {
    if (ids.empty()) return 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) count += looks(ids[i]) ? 1 : 0;
    return static_cast<double>(count) / static_cast<double>(ids.size());
}

/// Which axis the lines are, and how that is known.
Result<bool> detect_lines(std::string_view corner, const TextArray& header, const TextArray& lines,
                          const ReadOptions& options, std::vector<std::string>& notes) {
    if (options.orientation == "cells-are-rows") return true;
    if (options.orientation == "cells-are-columns") return false;
    if (!options.orientation.empty())
        return fail(ErrorCode::invalid_input,
                    fmt::format("orientation '{}' is neither cells-are-rows nor "
                                "cells-are-columns",
                                options.orientation));
    const std::string_view named = axis_named(corner);
    if (!named.empty()) {
        notes.push_back(fmt::format("cells are {} (its first header field is '{}')",
                                    named == "cells" ? "rows" : "columns", corner));
        return named == "cells";
    }
    const double for_rows = share(lines, looks_like_barcode) + share(header, looks_like_gene);
    const double for_columns = share(header, looks_like_barcode) + share(lines, looks_like_gene);
    if (for_rows == for_columns) {
        notes.push_back(
            "cells are rows (assumed: neither ids nor header tell; say "
            "cells-are-columns if that is wrong)");
        return true;
    }
    notes.push_back(for_rows > for_columns ? "cells are rows (detected by their ids)"
                                           : "cells are columns (detected by their ids)");
    return for_rows > for_columns;
}

constexpr std::string_view ends[] = {".csv", ".csv.gz", ".tsv", ".tsv.gz",
                                     ".txt", ".txt.gz", ".psv", ".psv.gz"};

struct Parts {
    std::string matrix, cells, genes;
};

bool has_end(std::string_view name, std::string_view stem) {
    for (const char* end : {".csv", ".csv.gz", ".tsv", ".tsv.gz"}) {
        const std::string full = std::string(stem) + end;
        if (name == full || name.ends_with("/" + full)) return true;
    }
    return false;
}

Result<Parts> find_parts(InputFiles& files) {
    Parts parts;
    if (!files.is_folder()) {
        parts.matrix = files.name();
        return parts;
    }
    for (const std::string& name : TRY(files.list())) {
        if (has_end(name, "expression")) parts.matrix = name;
        if (has_end(name, "cells")) parts.cells = name;
        if (has_end(name, "genes")) parts.genes = name;
    }
    if (parts.matrix.empty())
        return fail(ErrorCode::invalid_input, files.name() + " holds no expression.csv");
    return parts;
}

/// The first line that isn't empty.
Result<std::string> first_line(InputFiles& files, const std::string& name,
                               const ReadOptions& options) {
    const auto input =
        TRY(TextInput::open(files, name, {.unpacked_bytes_max = options.unpacked_bytes_max}));
    while (true) {
        std::string_view block = TRY(input->next_block(64u << 10)), line;
        if (block.empty()) return fail(ErrorCode::invalid_input, name + " is empty");
        while (take_line(block, line))
            if (!line.empty()) return std::string(line);
    }
}

/// Columns of cells.csv or genes.csv put beside ids: by key, every id must be there.
Result<void> join_table(InputFiles& files, const std::string& name, Frame& frame,
                        std::vector<std::string>& notes) {
    if (name.empty()) return {};
    TableOptions options;
    options.guess = true;
    const Table table = TRY(read_table(files, name, options));
    if (table.columns.empty()) return {};
    std::vector<std::uint32_t> rows;
    std::map<std::string_view, std::uint32_t> row_of;
    for (std::size_t i = 0; i < table.row_count(); ++i)
        row_of.emplace(table.columns[0][i], static_cast<std::uint32_t>(i));
    for (std::size_t i = 0; i < frame.row_count(); ++i) {
        const auto found = row_of.find(frame.index[i]);
        if (found == row_of.end())
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} has no row '{}'", name, frame.index[i]));
        rows.push_back(found->second);
    }
    frame.index_name = table.header[0];
    for (std::size_t c = 1; c < table.columns.size(); ++c) {
        TextArray texts;
        for (const std::uint32_t row : rows) texts.push_back(table.columns[c][row]);
        add_column(frame, column_of_texts(table.header[c], texts), notes);
    }
    return {};
}

class CsvReader final : public FormatReader {
public:
    std::string_view name() const override { return "csv"; }

    bool recognises(InputFiles& files) const override {
        const auto parts = find_parts(files);
        if (!parts) return false;
        const std::string name = lower(parts->matrix);
        const bool is_named = std::any_of(std::begin(ends), std::end(ends),
                                          [&](auto end) { return name.ends_with(end); });
        const auto line = first_line(files, parts->matrix, {});
        if (!is_named || !line || !is_clean_text(*line)) return false;
        const Dialect dialect = guess_dialect(*line);
        return line->find(dialect.separator) != std::string::npos;
    }

    Result<AnnotatedData> read(InputFiles& files, const ReadOptions& options) const override {
        const Parts parts = TRY(find_parts(files));
        const std::string header = TRY(first_line(files, parts.matrix, options));
        const Dialect dialect = guess_dialect(header);
        auto input = TRY(TextInput::open(files, parts.matrix,
                                         {.unpacked_bytes_max = options.unpacked_bytes_max}));
        AnnotatedData data;
        const auto columns = find_long_columns(header, dialect);
        TRY(columns ? read_long(std::move(input), dialect, *columns, options, data)
                    : read_wide(std::move(input), dialect, options, data));
        TRY(settle_ids(data.obs.index, "cell", parts.matrix, options.make_ids_unique, data.notes));
        TRY(settle_ids(data.var.index, "gene", parts.matrix, options.make_ids_unique, data.notes));
        TRY(join_table(files, parts.cells, data.obs, data.notes));
        TRY(join_table(files, parts.genes, data.var, data.notes));
        if (data.matrices[0].unit != Unit::counts)
            data.notes.push_back("values are not counts: functions on counts are off");
        return data;
    }

private:
    static Result<void> read_long(std::unique_ptr<TextInput> input, const Dialect& dialect,
                                  const LongColumns& columns, const ReadOptions& options,
                                  AnnotatedData& data) {
        LongTable table = TRY(read_long_table(std::move(input), dialect, columns, options.scratch));
        data.obs.index = std::move(table.cells);
        data.var.index = std::move(table.genes);
        data.notes.push_back("a long table: one line per cell and gene");
        data.matrices.push_back({"X", table.unit, std::move(table.source)});
        return {};
    }
    static Result<void> read_wide(std::unique_ptr<TextInput> input, const Dialect& dialect,
                                  const ReadOptions& options, AnnotatedData& data) {
        const auto decide = [&](std::string_view corner, const TextArray& header,
                                const TextArray& lines) {
            return detect_lines(corner, header, lines, options, data.notes);
        };
        WideTable table = TRY(read_wide_table(std::move(input), dialect, decide));
        const bool are_cells = table.source->order() == Order::by_cell;
        (are_cells ? data.obs : data.var).index = std::move(table.line_ids);
        (are_cells ? data.var : data.obs).index = std::move(table.header_ids);
        data.matrices.push_back({"X", table.unit, std::move(table.source)});
        return {};
    }
};

}  // namespace

std::unique_ptr<FormatReader> make_csv_reader() { return std::make_unique<CsvReader>(); }

}  // namespace stroma::expression
