#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb ontology_verb() {
    auto options = std::make_shared<OntologyOptions>();
    Verb verb{.name = "ontology",
              .summary = "Read in, list and take out ontologies of tissues, cells, diseases, …",
              .text =
                  "Terms roll datasets up (an organ finds its tissues), are found by their "
                  "synonyms, and are what validation looks terms up in. A starter table of "
                  "common terms is always there; an ontology that is read in takes its place.",
              .examples =
                  "  stroma ontology import --data lab cl-basic.obo\n"
                  "  stroma ontology list --data lab\n"};
    verb.verbs = {
        {.name = "import",
         .summary = "Read an ontology from an OBO file (or OBO Graphs JSON up to 64 MiB)",
         .options =
             {{"file", &options->file, "FILE", "uberon-basic.obo, cl-basic.obo, …", {}, true}},
         .run = [options](
                    Invocation& invocation) { return run_ontology_import(*options, invocation); }},
        {.name = "list",
         .summary = "The ontologies that were read in",
         .run =
             [options](Invocation& invocation) { return run_ontology_list(*options, invocation); }},
        {.name = "remove",
         .summary = "Take an ontology out again",
         .options = {{"prefix", &options->prefix, "PREFIX", "of its ids, like UBERON", {}, true}},
         .run = [options](
                    Invocation& invocation) { return run_ontology_remove(*options, invocation); }},
    };
    return verb;
}

}  // namespace stroma::app
