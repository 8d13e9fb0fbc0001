#include "app/site.h"

#include <algorithm>
#include <future>

#include "app/answers/comparison_relations.h"
#include "app/answers/selection_relation.h"
#include "app/backup_stage.h"
#include "app/build_info.h"
#include "app/ingest/fetch_stage.h"
#include "app/settings.h"
#include "app/site_state.h"
#include "base/log.h"
#include "load/bundle_stage.h"
#include "load/import_stage.h"
#include "matrix/export_stage.h"
#include "object/disk/disk_store.h"
#include "queue/database/database_queue.h"
#include "queue/queue_metrics.h"
#include "sql/duckdb/duckdb_database.h"

namespace stroma::app {

namespace {

Result<void> open_warehouse_file(Site::State& state, const Settings& settings) {
    const fs::path spill = state.data / "tmp" / "warehouse";
    TRY(make_folders(spill));
    if (fs::exists(state.data / rewrite_mark)) {
        TRY(sql::rewrite_duckdb(state.data / "warehouse.duckdb"));
        TRY(remove_file(state.data / rewrite_mark));
    }
    state.warehouse_database =
        TRY(sql::open_duckdb({.file = state.data / "warehouse.duckdb",
                              .temp_folder = spill,
                              .memory_bytes = settings.bytes("warehouse.memory"),
                              .temp_bytes_max = settings.bytes("warehouse.temp_max")}));
    return {};
}

Result<std::optional<account::ViewOfLink>> view_of_link(Site::State& state, std::string_view id) {
    const auto view = TRY(state.annotations->kept.find(annotation::KeptKind::view, id));
    if (!view) return std::nullopt;
    const auto revision = TRY(state.catalog->find_revision(view->revision));
    if (!revision || revision->state != catalog::RevisionState::ready) return std::nullopt;
    return account::ViewOfLink{view->owner, revision->dataset, view->by_link};
}

/// What lies in the control database alone.
Result<void> open_records(Site::State& state, const Settings& settings) {
    state.objects = TRY(object::DiskStore::open(state.data / "objects", state.clock));
    const std::string cold = settings.text("aws.cold");
    state.cold = cold.empty() ? state.data / cold_folder : fs::path(cold);
    state.outputs = {state.data / pipelines_folder, settings.text("pipeline.archive")};
    state.copies_outputs = settings.boolean("pipeline.backup");
    state.control = TRY(sql::SqliteDatabase::open(state.data / "control.db"));
    queue::QueueOptions queue_options = pipeline::job_queue_options();
    queue_options.lease = settings.duration("jobs.lease");
    state.job_queue =
        TRY(queue::open_queue(*state.control, "jobs", queue_options, state.clock, state.ids));
    state.matrix_queue =
        TRY(queue::open_queue(*state.control, "matrices", queue_options, state.clock, state.ids));
    state.comparison_queue = TRY(
        queue::open_queue(*state.control, "comparisons", queue_options, state.clock, state.ids));
    state.clustering_queue = TRY(
        queue::open_queue(*state.control, "clusterings", queue_options, state.clock, state.ids));
    state.jobs = TRY(pipeline::JobStore::open(
        *state.control, *state.job_queue, state.clock, state.ids,
        {.of_one = settings.number("jobs.queued_of_one"),
         .of_all = settings.number("jobs.queued_max"),
         .shared_owners = {catalog::anonymous_principal().id, catalog::local_administrator().id}}));
    state.jobs->route("matrix", *state.matrix_queue);
    state.jobs->route("comparison", *state.comparison_queue);
    state.jobs->route("clustering", *state.clustering_queue);
    state.catalog = TRY(catalog::Catalog::open(*state.control, state.clock, state.ids));
    state.accounts = TRY(
        account::Accounts::open(*state.control, *state.catalog, state.clock, state.ids,
                                {.session_idle = settings.duration("account.session_idle"),
                                 .session_length = settings.duration("account.session_length")}));
    state.access_keys = std::make_unique<account::AccessKeys>(
        *state.control, *state.catalog, state.clock, state.ids, state.data / access_key_file);
    state.audit = std::make_unique<account::Audit>(*state.control, state.clock);
    state.catalog->set_witness(*state.audit);
    state.annotations = TRY(annotation::Annotations::open(*state.control, state.clock, state.ids));
    state.matrix_requests = TRY(matrix::RequestStore::open(*state.control));
    return {};
}

/// What needs the warehouse too.
Result<void> open_domain(Site::State& state, const Settings& settings) {
    state.files = std::make_unique<loading::RevisionFiles>(*state.objects);
    state.images = std::make_unique<image::ImageFiles>(*state.objects);
    const warehouse::OpenRevision open = [files = state.files.get()](std::string_view revision) {
        return files->open(revision);
    };
    state.bodies = std::make_unique<explorer::BodyStore>(
        *state.objects, state.data / "tmp" / "staging",
        std::string(loading::RevisionFiles::derived_root), loading::RevisionFiles::derived_prefix,
        explorer::BodyStoreOptions{.bytes_max = settings.bytes("explorer.bodies_max")});
    state.explorer = std::make_unique<explorer::Explorer>(open, *state.bodies);
    state.comparisons = TRY(explorer::Comparisons::open(
        *state.control, *state.explorer, *state.jobs, state.clock, state.ids,
        {.budget = settings.duration("explorer.comparison_budget"),
         .at_once = static_cast<int>(settings.number("explorer.comparisons_at_once")),
         .parquet = state.warehouse_database.get(),
         .staging = state.data / "tmp" / "staging"}));
    state.clusterings =
        TRY(explorer::Clusterings::open(*state.control, *state.explorer, *state.jobs, state.clock));
    state.warehouse = TRY(warehouse::Warehouse::open(*state.warehouse_database, open, state.clock));
    add_comparison_relations(*state.warehouse, *state.comparisons);
    add_selection_relation(*state.warehouse, state.annotations->kept, *state.catalog);
    state.loader = std::make_unique<loading::DatasetLoader>(
        *state.objects, *state.catalog, *state.warehouse, *state.files, *state.images, state.ids);
    state.parquet = std::make_unique<warehouse::ParquetWriter>(*state.warehouse_database);
    state.matrix_writer = std::make_unique<matrix::MatrixWriter>(
        *state.catalog, *state.warehouse, open, format_writers(*state.parquet));
    state.matrices = std::make_unique<matrix::MatrixService>(
        *state.matrix_requests, *state.matrix_writer, *state.catalog, *state.warehouse,
        *state.objects, *state.jobs, state.clock, state.ids,
        matrix::MatrixServiceOptions{.retention = settings.duration("matrix.retention"),
                                     .program = version()});
    state.links = std::make_unique<account::Links>(
        *state.control, *state.catalog, state.clock, state.ids,
        [&state](std::string_view result) { return state.matrices->sources_of(result); },
        [&state](std::string_view view) { return view_of_link(state, view); });
    state.ontologies = TRY(ontology::Ontologies::open(*state.control, state.clock));
    auto profiles = TRY(portal::read_profiles(settings.text("portal.profiles")));
    state.portal = TRY(portal::Portal::open(*state.control, *state.catalog, *state.ontologies,
                                            std::move(profiles), open, state.clock, state.ids));
    state.inspection = std::make_unique<Inspection>(*state.portal);
    return {};
}

/// An export writes where its command said, for who waits for it; nobody does any more.
Result<void> drop_exports_of_the_dead(pipeline::JobStore& jobs) {
    for (const auto state : {pipeline::JobState::queued, pipeline::JobState::running})
        for (const pipeline::Job& job : TRY(jobs.list({"", "export", state, 1000})))
            TRY(jobs.cancel(job.id));
    return {};
}

void add_stages(Site::State& state, const Settings& settings) {
    const fs::path staging = state.data / "tmp" / "staging";
    auto import = std::make_unique<loading::ImportStage>(
        *state.loader, *state.catalog, *state.warehouse, format_readers(), staging,
        settings.text("bundle.symbols"), state.clock, state.inspection.get(),
        loading::ParseLimits{.time = settings.duration("import.time")},
        settings.boolean("import.keep_source"));
    state.stages.push_back(std::make_unique<FetchStage>(
        *import, *state.objects, staging,
        FetchStage::Limits{settings.bytes("upload.file_max"),
                           settings.boolean("fetch.private_addresses")}));
    state.stages.push_back(std::make_unique<loading::BundleStage>(
        *import, *state.loader, *state.catalog, settings.text("dss.url")));
    state.stages.push_back(std::move(import));
    state.stages.push_back(std::make_unique<matrix::MatrixStage>(*state.matrices, staging));
    state.stages.push_back(
        std::make_unique<matrix::ExportStage>(*state.matrix_writer, *state.catalog, state.clock));
    state.stages.push_back(std::make_unique<explorer::ComparisonStage>(*state.comparisons));
    state.stages.push_back(std::make_unique<explorer::ClusteringStage>(*state.clusterings));
    state.stages.push_back(std::make_unique<BackupStage>(state.site));
    std::vector<pipeline::Stage*> stages;
    for (const auto& stage : state.stages) stages.push_back(stage.get());
    const auto worker_of = [&](queue::Queue& queue, std::int64_t threads) {
        return std::make_unique<pipeline::Worker>(
            *state.jobs, queue, stages, state.clock,
            pipeline::WorkerOptions{
                .threads = static_cast<int>(threads),
                .attempts_max = static_cast<int>(settings.number("jobs.attempts_max")),
                .lease = settings.duration("jobs.lease")});
    };
    state.worker = worker_of(*state.job_queue, settings.number("jobs.threads"));
    state.matrix_worker = worker_of(*state.matrix_queue, settings.number("matrix.threads"));
    state.comparison_worker =
        worker_of(*state.comparison_queue, settings.number("explorer.comparison_threads"));
    state.clustering_worker = worker_of(*state.clustering_queue, 1);
}

Result<void> recover_jobs(Site::State& state) {
    for (auto* worker :
         {&state.worker, &state.matrix_worker, &state.comparison_worker, &state.clustering_worker})
        TRY((*worker)->recover());
    return {};
}

}  // namespace

Site::Site(std::unique_ptr<State> state) : state_(std::move(state)) {}
Site::~Site() = default;

void Site::work_for_one_command() { state_->control->let_commits_wait_for_disk(false); }

void Site::leave(std::unique_ptr<Site> site) {
    site->stop_workers();
    // Where the warehouse was written to, a clean end: each start would read its log again.
    std::error_code ignored;
    if (fs::exists(site->state_->data / "warehouse.duckdb.wal", ignored)) return;
    site->state_->objects.reset();  // takes its mark out of the directory
    (void)site.release();
}

Result<std::unique_ptr<Site>> Site::open(const fs::path& data, const Settings& settings) {
    auto state = std::make_unique<State>(TRY(DataLock::take(data)));
    state->data = data;
    const fs::path staging = data / "tmp" / "staging";
    std::error_code ignored;
    for (const auto& left : fs::directory_iterator(staging, ignored))
        fs::remove_all(left.path(), ignored);  // what a killed process left half made
    TRY(make_folders(staging));
    // The engine of the warehouse takes as long to open as all the rest.
    auto warehouse =
        std::async(std::launch::async, [&] { return open_warehouse_file(*state, settings); });
    const auto records = open_records(*state, settings);
    TRY_WITH(warehouse.get(), "opening " + data.string());
    TRY_WITH(records, "opening " + data.string());
    TRY_WITH(open_domain(*state, settings), "opening " + data.string());
    add_stages(*state, settings);
    TRY_WITH(state->loader->recover(), "recovering " + data.string());
    TRY_WITH(recover_jobs(*state), "recovering " + data.string());
    TRY_WITH(drop_exports_of_the_dead(*state->jobs), "recovering " + data.string());
    std::unique_ptr<Site> site(new Site(std::move(state)));
    site->state_->site = site.get();
    return site;
}

const fs::path& Site::data() const { return state_->data; }
fs::path Site::staging() const { return state_->data / "tmp" / "staging"; }
const Clock& Site::clock() const { return state_->clock; }
IdSource& Site::ids() { return state_->ids; }
object::ObjectStore& Site::objects() { return *state_->objects; }
catalog::Catalog& Site::catalog() { return *state_->catalog; }
account::Accounts& Site::accounts() { return *state_->accounts; }
account::AccessKeys& Site::access_keys() { return *state_->access_keys; }
account::Links& Site::links() { return *state_->links; }
Result<std::optional<account::ViewOfLink>> Site::find_view(std::string_view id) {
    return view_of_link(*state_, id);
}
account::Audit& Site::audit() { return *state_->audit; }
warehouse::Warehouse& Site::warehouse() { return *state_->warehouse; }
loading::RevisionFiles& Site::revision_files() { return *state_->files; }
image::ImageFiles& Site::images() { return *state_->images; }
loading::DatasetLoader& Site::loader() { return *state_->loader; }
pipeline::JobStore& Site::jobs() { return *state_->jobs; }
pipeline::Worker& Site::worker() { return *state_->worker; }
void Site::start_workers() {
    for (auto* worker : {&state_->worker, &state_->matrix_worker, &state_->comparison_worker,
                         &state_->clustering_worker})
        (*worker)->start();
}
void Site::stop_workers() {
    for (auto* worker : {&state_->worker, &state_->matrix_worker, &state_->comparison_worker,
                         &state_->clustering_worker})
        (*worker)->stop();
}
void Site::add_gauges(std::function<Result<void>()> publish) {
    state_->more_gauges.push_back(std::move(publish));
}
Result<void> Site::publish_gauges() {
    for (const auto& publish : state_->more_gauges) TRY(publish());
    TRY(queue::publish_depth(*state_->job_queue, "jobs"));
    TRY(queue::publish_depth(*state_->matrix_queue, "matrices"));
    TRY(queue::publish_depth(*state_->comparison_queue, "comparisons"));
    return queue::publish_depth(*state_->clustering_queue, "clusterings");
}
matrix::MatrixService& Site::matrices() { return *state_->matrices; }
explorer::Explorer& Site::explorer() { return *state_->explorer; }
explorer::Comparisons& Site::comparisons() { return *state_->comparisons; }
explorer::Clusterings& Site::clusterings() { return *state_->clusterings; }
ontology::Ontologies& Site::ontologies() { return *state_->ontologies; }
portal::Portal& Site::portal() { return *state_->portal; }
annotation::Annotations& Site::annotations() { return *state_->annotations; }
sql::Database& Site::control() { return *state_->control; }
Result<sql::SqliteDatabase*> Site::ingest() {
    const std::lock_guard lock(state_->ingest_mutex);
    if (!state_->ingest)
        state_->ingest = TRY_WITH(sql::SqliteDatabase::open(state_->data / ingest_file),
                                  "opening " + state_->data.string());
    return state_->ingest.get();
}
Result<object::ObjectStore*> Site::cold_objects() {
    const std::lock_guard lock(state_->ingest_mutex);
    if (!state_->cold_objects)
        state_->cold_objects = TRY(object::DiskStore::open(state_->cold, state_->clock));
    return state_->cold_objects.get();
}
Milliseconds Site::house_keeping_interval() const {
    return std::min<Milliseconds>(state_->matrices->options().retention, Milliseconds{60'000});
}

}  // namespace stroma::app
