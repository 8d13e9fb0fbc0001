#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb import_verb() {
    auto options = std::make_shared<ImportOptions>();
    return {
        .name = "import",
        .summary = "Take files, folders or bundles in as datasets",
        .text =
            "The format is found by looking: h5ad, 10x folder (MTX) or 10x HDF5, Loom, AnnData "
            "Zarr, CSV or TSV, a Human Cell Atlas bundle folder, a GTF gene annotation. Each "
            "PATH becomes a dataset of its own, whole or not at all. The same content again "
            "changes nothing; new content under an old name becomes its next revision.",
        .examples =
            "  stroma import --data lab pbmc68k_reduced.h5ad\n"
            "  stroma import --data lab run17/filtered_feature_bc_matrix --name run17\n"
            "  stroma import --data lab bundles/*\n"
            "  stroma import --data lab slide.ome.tiff --image-of heart\n"
            "  stroma import --data lab counts.csv --orientation cells-are-columns\n",
        .options = {{"path", &options->paths, "PATH", "files or folders", {}, true},
                    {"--name", &options->name, "NAME",
                     "the dataset's name (default: the file's); for one PATH"},
                    {"--title", &options->title, "TEXT", "a line for people"},
                    {"--collection", &options->collection, "NAME", "put it into that collection"},
                    {"--public", &options->is_public, "", "anyone may read it"},
                    {"--orientation",
                     &options->orientation,
                     "WHICH",
                     "for tables: what the rows are (default: found out, and said)",
                     {"cells-are-rows", "cells-are-columns"}},
                    {"--make-ids-unique", &options->make_ids_unique, "",
                     "give repeated cell or gene ids a suffix instead of refusing them"},
                    {"--sum-duplicates", &options->sum_duplicates, "",
                     "add up a gene that occurs twice in a cell instead of refusing it"},
                    {"--strict", &options->strict, "",
                     "bundles: refuse any file that differs from the manifest"},
                    {"--image-of", &options->image_of, "DATASET",
                     "PATH is a picture (OME-TIFF, TIFF, a folder of these, PNG, OME-Zarr) or "
                     "outlines (GeoJSON) that lie under that dataset's cells; --name names it"},
                    {"--labels", &options->are_labels, "",
                     "pictures: the values are numbers of cells, as a segmentation gives them"},
                    {"--cell-column", &options->cell_column, "NAME",
                     "labels: the obs column that has them (default: found out, and said)"},
                    {"--embedding", &options->embedding, "NAME",
                     "pictures: the obsm that they lie under (default: spatial)"},
                    {"--transform", &options->transform, "JSON",
                     "pictures: [a, b, c, d, e, f] from a pixel to that plane, X = a x + b y + c, "
                     "Y = d x + e y + f (default: a pixel is a unit)"},
                    {"--symbols", &options->symbols, "FILE",
                     "bundles that name genes by symbols: a 10x genes.tsv with their Ensembl ids "
                     "(default: the imported annotation)"}},
        .run = [options](Invocation& invocation) -> Result<void> {
            if (!options->name.empty() && options->paths.size() > 1)
                return fail(ErrorCode::invalid_input,
                            "--name is for one PATH; import the others on their own");
            return run_import(*options, invocation);
        },
    };
}

}  // namespace stroma::app
