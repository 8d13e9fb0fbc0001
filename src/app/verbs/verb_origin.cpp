#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb origin_verb() {
    auto options = std::make_shared<OriginOptions>();
    return {
        .name = "origin",
        .summary = "Tell where a number of a matrix came from",
        .text =
            "The value of one cell and gene, the revision and sealed file that hold it, and "
            "the source file with its sha256; of a bundle also the data file and chunk, and "
            "the way from donor to file with every document.",
        .examples = "  stroma origin --data lab CELL CD24 --dataset blood\n",
        .options = {{"cell", &options->cell, "CELL", "cellkey or cell id", {}, true},
                    {"gene", &options->gene, "GENE", "id, Ensembl id or name", {}, true},
                    {"--dataset", &options->dataset, "NAME", "where several have the cell"}},
        .run = [options](Invocation& invocation) { return run_origin(*options, invocation); },
    };
}

}  // namespace stroma::app
