#pragma once

#include "app/verb.h"

namespace stroma::app {

/// Puts the steps of the tissue pipeline below the verb "pipeline": step, segment, measure.
void add_tissue_verbs(Verb& pipeline);

Verb pipeline_step_verb();     ///< one task of one step, as the engine starts it
Verb pipeline_segment_verb();  ///< pictures of a folder into labels
Verb pipeline_measure_verb();  ///< pictures and labels into tables of cells

}  // namespace stroma::app
