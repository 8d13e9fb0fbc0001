#include <memory>

#include "app/verbs/verbs.h"
#include "base/file.h"

namespace stroma::app {
namespace {

const std::vector<std::string> formats = {"h5ad", "zarr", "loom",    "csv",
                                          "mtx",  "10x",  "parquet", "arrow"};

/// "@FILE" stands for the names in the file, one a line.
Result<std::vector<std::string>> with_files_read(const std::vector<std::string>& names) {
    std::vector<std::string> all;
    for (const auto& name : names) {
        if (!name.starts_with('@')) {
            all.push_back(name);
            continue;
        }
        const std::string text = TRY_WITH(read_file(name.substr(1)), "reading the list of names");
        for (std::size_t begin = 0; begin < text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size());
            std::string line = text.substr(begin, end - begin);
            while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
            if (!line.empty()) all.push_back(std::move(line));
            begin = end + 1;
        }
    }
    return all;
}

std::vector<Option> matrix_arguments(MatrixOptions& options) {
    return {
        {"-w,--where", &options.where, "SQL",
         "cells for which a condition over their columns holds"},
        {"--sql", &options.sql, "SELECT", "cells that a SELECT names by cellkey or cell_id"},
        {"--filter", &options.filter_file, "FILE", "a filter tree of the /v1 API, as JSON"},
        {"--dataset", &options.datasets, "NAME", "only from these datasets; may be repeated"},
        {"--revision", &options.revision, "ID", "all cells of a revision, also of a former one"},
        {"--selection", &options.selection, "ID", "the cells that the Explorer kept under an id"},
        {"-g,--genes", &options.genes, "GENES",
         "ids or names, with commas, or @FILE with one a line (default: all)"},
        {"--fields", &options.fields, "FIELDS",
         "columns about the cells, with commas (default: all of one dataset, else the common set)"},
        {"--feature", &options.feature, "KIND", "what is counted", {"gene", "transcript"}},
        {"--matrix", &options.matrix, "NAME", "X, raw.X or layers/NAME"},
        {"-f,--format", &options.format, "FORMAT", "default: as -o ends", formats},
        {"--layout",
         &options.layout,
         "WHICH",
         "zarr: anndata or hca-v1; csv and mtx: folder or zip",
         {"anndata", "hca-v1", "folder", "zip"}},
        {"--compression",
         &options.compression,
         "WHICH",
         "where the format knows it",
         {"none", "gzip", "lz4", "zstd"}},
        {"--durable", &options.durable, "", "end only when the file would survive a loss of power"},
        {"-o,--output",
         &options.output,
         "PATH",
         "the file or folder to write; must not exist",
         {},
         true},
    };
}

/// "cells.h5ad" → "h5ad", "cells.h5" → "10x", "cells.mtx.zip" → "mtx"; "" when the ending says
/// nothing.
std::string format_by_name(std::string_view path) {
    if (path.ends_with(".zip")) path.remove_suffix(4);
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.ends_with(".h5")) return "10x";
    for (const auto& format : formats)
        if (path.ends_with("." + format)) return format;
    return "";
}

}  // namespace

Result<void> check_matrix_options(MatrixOptions& options) {
    const int selections = int{!options.where.empty()} + int{!options.sql.empty()} +
                           int{!options.filter_file.empty()} + int{!options.revision.empty()} +
                           int{!options.selection.empty()};
    if (selections > 1 || (selections == 0 && options.datasets.empty()))
        return fail(ErrorCode::invalid_input,
                    "say which cells: one of --where, --sql, --filter, --revision and --selection, "
                    "or --dataset for all of a dataset");
    if (options.format.empty()) options.format = format_by_name(options.output);
    if (options.format.empty())
        return fail(ErrorCode::invalid_input,
                    "say --format: '" + options.output +
                        "' doesn't end in a known one (.h5ad, "
                        ".zarr, .loom, .csv, .mtx, .h5, .parquet, .arrow)");
    options.genes = TRY(with_files_read(options.genes));
    options.fields = TRY(with_files_read(options.fields));
    return {};
}

Verb matrix_verb() {
    auto options = std::make_shared<MatrixOptions>();
    return {
        .name = "matrix",
        .summary = "Write the cells that a question selects as an expression matrix",
        .text =
            "The file opens as it is in scanpy, Seurat, Bioconductor or pandas. Cells of "
            "several datasets are stacked: the union of their genes, with what a dataset "
            "never measured told apart from zero.",
        .examples =
            "  stroma matrix --data lab --where \"cell_type = 'B cell'\" -o b_cells.h5ad\n"
            "  stroma matrix --data lab --sql \"SELECT cell_id FROM cells WHERE n_genes > 500\" "
            "-o good.loom\n"
            "  stroma matrix --data lab --dataset pbmc --genes CD3D,MS4A1 -o two_genes.csv\n"
            "  stroma matrix --data lab --filter filter.json --format mtx -o for_seurat\n",
        .options = matrix_arguments(*options),
        .run = [options](Invocation& invocation) -> Result<void> {
            TRY(check_matrix_options(*options));
            return run_matrix(*options, invocation);
        },
    };
}

}  // namespace stroma::app
