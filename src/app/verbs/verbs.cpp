#include "app/verbs/verbs.h"

#include "app/aws/aws_verbs.h"
#include "app/biology/biology_copy.h"
#include "app/dashboard/dashboard_verb.h"
#include "app/flow/flow_verbs.h"
#include "app/loader/loader_service.h"
#include "app/sync/sync_verb.h"
#include "app/tissue/pipeline_verbs.h"

namespace stroma::app {
namespace {

Verb pipeline_verb() {
    Verb verb{.name = "pipeline",
              .summary = "Files through stages: runs, their queues and outputs"};
    add_tissue_verbs(verb);
    add_flow_verbs(verb);
    return verb;
}

}  // namespace

std::vector<Verb> all_verbs() {
    return {
        import_verb(),  sql_verb(),       matrix_verb(),   serve_verb(),      dataset_verb(),
        job_verb(),     user_verb(),      token_verb(),    key_verb(),        env_verb(),
        put_verb(),     sync_verb(),      watch_verb(),    load_verb(),       reconcile_verb(),
        biology_verb(), audit_verb(),     ontology_verb(), origin_verb(),     diff_verb(),
        backup_verb(),  restore_verb(),   verify_verb(),   purge_verb(),      pipeline_verb(),
        demo_verb(),    dashboard_verb(), config_verb(),   completion_verb(), help_verb(),
        version_verb(),
    };
}

}  // namespace stroma::app
