#include "app/tissue/built_in.h"

namespace stroma::app {

const std::vector<Step>& built_in_steps() {
    static const std::vector<Step> all = {
        quality_step(),
        correct_step(),
        background_step(),
        denoise_step(),
        normalize_step(),
        stitch_step(),
        register_step(),
        segment_step(),
        outline_step(),
        measure_step(),
        gate_step(),
        cluster_step(),
        embed_step(),
        frequencies_step(),
        interactions_step(),
        neighbourhoods_step(),
        distances_step(),
        proximity_step(),
        autocorrelation_step(),
        export_step(),
        mosaic_step(),
        score_step(),
        edit_step(),
        tissue_step(),
        tma_step(),
        align_step(),
    };
    return all;
}

}  // namespace stroma::app
