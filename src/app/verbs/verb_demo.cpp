#include <memory>

#include "app/aws/aws_verbs.h"
#include "app/demo/tissue_demo.h"
#include "app/verbs/verbs.h"

namespace stroma::app {

Verb demo_verb() {
    auto options = std::make_shared<DemoOptions>();
    Verb verb{
        .name = "demo",
        .summary = "Write a made-up dataset of blood cells as an h5ad file",
        .text =
            "The same seed gives the same bytes everywhere: counts, cell types with their "
            "markers, six donors with sex, age and disease, tissues, quality columns, PCA and "
            "UMAP. `make demo` imports it. `stroma demo stream` and `stroma demo tissue` are "
            "other demos: quotes on a stream, and slides of tumours.",
        .examples =
            "  stroma demo -o blood.h5ad\n"
            "  stroma demo --cells 100000 --genes 20000 --seed 7 -o large.h5ad\n",
        .options = {{"--cells", &options->cells, "N", "how many cells; 5000 when left out"},
                    {"--genes", &options->genes, "N", "how many genes; 2000 when left out"},
                    {"--seed", &options->seed, "N", "another seed makes other cells"},
                    {"-o,--output", &options->output, "FILE", "the file to write; must not exist"}},
        .run = [options](Invocation& invocation) { return run_demo(*options, invocation); },
        .data_use = DataUse::none,
    };
    verb.verbs = {demo_stream_verb(), demo_tissue_verb()};
    return verb;
}

}  // namespace stroma::app
