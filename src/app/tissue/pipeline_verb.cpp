#include "app/tissue/pipeline_verbs.h"

namespace stroma::app {

Verb pipeline_verb() {
    return {
        .name = "pipeline",
        .summary = "Pictures of tissue into cells, tables and statistics",
        .text =
            "Single steps for who wants just these: labels of pictures, a table of their cells. "
            "'step' is how a pipeline starts each of its stages.",
        .examples =
            "  stroma pipeline segment slides --labels masks --expand-um 4\n"
            "  stroma pipeline measure slides --labels masks --output tables\n"
            "  stroma pipeline step --list\n",
        .verbs = {pipeline_segment_verb(), pipeline_measure_verb(), pipeline_step_verb()},
        .data_use = DataUse::none,
    };
}

}  // namespace stroma::app
