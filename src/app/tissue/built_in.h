#pragma once

#include "app/tissue/step.h"

// The steps, each described and done in <name>_step.cpp (or with its like), in the order of
// built_in_steps().

namespace stroma::app {

Step quality_step();
Step correct_step();
Step background_step();
Step denoise_step();
Step normalize_step();
Step stitch_step();
Step register_step();
Step segment_step();
Step outline_step();
Step measure_step();
Step gate_step();
Step cluster_step();
Step embed_step();
Step frequencies_step();
Step interactions_step();
Step neighbourhoods_step();
Step distances_step();
Step proximity_step();
Step autocorrelation_step();
Step export_step();
Step mosaic_step();
Step score_step();
Step edit_step();
Step tissue_step();
Step tma_step();
Step align_step();

}  // namespace stroma::app
