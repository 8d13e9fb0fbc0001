#include "explorer/clusterings.h"

#include <fmt/format.h>

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <numeric>
#include <thread>

#include "base/digest.h"
#include "base/json.h"
#include "explorer/arrow_table.h"

namespace stroma::explorer {
namespace {

/// Rises when the same question gets other numbers, so that old answers are not found any more.
constexpr int clustering_version = 1;
constexpr JsonLimits clustering_json{
    .bytes_max = 64u << 20, .depth_max = 8, .string_bytes_max = 1u << 20};

constexpr std::string_view clustering_schema = R"sql(
create table if not exists clustering (
    id text primary key, revision text not null, inputs text not null, job text not null,
    summary text not null, created_ms integer not null);
create index if not exists clustering_revision on clustering (revision);
)sql";

Result<void> check_options(const cluster::ClusteringOptions& options) {
    const auto refuse = [](std::string_view what) {
        return fail(ErrorCode::invalid_input, std::string(what));
    };
    if (options.genes < 2 || options.genes > 20'000)
        return refuse("at /genes: 2 to 20000 genes are taken");
    if (options.components < 1 || options.components > 100)
        return refuse("at /components: there are 1 to 100 components");
    if (options.neighbours < 2 || options.neighbours > 100)
        return refuse("at /neighbours: a cell has 2 to 100 neighbours");
    if (!(options.resolution > 0) || options.resolution > 1000)
        return refuse("at /resolution: it is above 0 and at most 1000");
    return {};
}

std::vector<std::uint32_t> chosen_cells(const ClusteringOrder& order, const RevisionData& data) {
    if (!order.cells.empty()) return cells_of(order.cells);
    std::vector<std::uint32_t> all(data.sealed->summary().cells);
    std::iota(all.begin(), all.end(), 0);
    return all;
}

Result<cluster::Clustering> clustering_of(const ClusteringOrder& order, const RevisionData& data,
                                          const cluster::Steps& steps) {
    const auto matrix = TRY(data.sealed->matrix(order.layer));
    const std::vector<std::uint32_t> cells = chosen_cells(order, data);
    return cluster::cluster_cells(*matrix, cells, *order.scale, order.options, steps);
}

/// How much later than other threads those come that cluster: it takes all cores for minutes, and
/// the answers that take a millisecond don't wait for it.
constexpr int behind = 15;

/// On a thread that others go before, as go those that it starts.
Result<cluster::Clustering> cluster_behind_others(const ClusteringOrder& order,
                                                  const RevisionData& data,
                                                  const cluster::Steps& steps) {
    std::optional<Result<cluster::Clustering>> done;
    std::thread([&] {
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), behind);
        done.emplace(clustering_of(order, data, steps));
    }).join();
    return *std::move(done);
}

/// Clusters and places as columns over all cells.
Result<Made> columns_of(const ClusteringOrder& order, const RevisionData& data,
                        const cluster::Clustering& found) {
    const std::vector<std::uint32_t> cells = chosen_cells(order, data);
    const std::uint64_t rows = data.sealed->summary().cells;
    std::vector<float> x(rows, std::nanf("")), y(rows, std::nanf(""));
    expression::Categorical clusters{std::vector<std::int32_t>(rows, -1), {}, false};
    expression::TextArray names;
    for (std::size_t i = 0; i < found.sizes.size(); ++i) names.push_back(std::to_string(i + 1));
    clusters.categories = std::move(names);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        x[cells[i]] = found.places[2 * i];
        y[cells[i]] = found.places[2 * i + 1];
        clusters.codes[cells[i]] = static_cast<std::int32_t>(found.clusters[i]);
    }
    const expression::Column column{"cluster", std::move(clusters), {}};
    ArrowTable table(rows);
    table.add("x", expression::ValueType::float32, expression::Array::of(x).bytes);
    table.add("y", expression::ValueType::float32, expression::Array::of(y).bytes);
    table.add(column);
    return Made{TRY(table.write(arrow::BodyCompression::none)),
                "application/vnd.apache.arrow.stream"};
}

std::string summary_of(const ClusteringOrder& order, const RevisionData& data,
                       const cluster::Clustering& found) {
    const auto* layer = data.sealed->summary().find(order.layer);
    std::uint64_t cells = 0;
    for (const std::uint64_t size : found.sizes) cells += size;
    Json warnings = Json::array();
    if (layer->min < 0)
        warnings.push_back("the layer holds values below 0: genes are chosen by their variance");
    return Json{{"cells", cells},
                {"clusters", found.sizes.size()},
                {"sizes", found.sizes},
                {"layer", order.layer},
                {"scale", stroma::explorer::name_of(*order.scale)},
                {"genes", found.genes},
                {"components", found.components},
                {"neighbours", found.neighbours},
                {"resolution", order.options.resolution},
                {"seed", order.options.seed},
                {"modularity", found.modularity},
                {"variance_explained", found.explained},
                {"warnings", warnings}}
        .dump();
}

Representation cells_of_clustering(const ClusteringRecord& record, Coding coding) {
    return {record.order.revision, "clustering/" + record.id + "/cells", coding};
}

}  // namespace

Result<ClusteringOrder> settled(ClusteringOrder order, const RevisionData& data) {
    const std::uint64_t cells = data.sealed->summary().cells;
    const auto* layer = data.sealed->summary().find(order.layer);
    if (layer == nullptr)
        return fail(ErrorCode::not_found,
                    fmt::format("this revision has no layer '{}'", order.layer));
    TRY(check_options(order.options));
    order.cells = TRY(settled_runs(std::move(order.cells), cells, "cells"));
    if (order.cells == CellRuns{{0, static_cast<std::uint32_t>(cells)}}) order.cells.clear();
    if (!order.scale) order.scale = usual_scale(*layer);
    if (*order.scale == expression::Scale::log_cp10k && layer->min < 0)
        return fail(ErrorCode::invalid_input,
                    "at /scale: log_cp10k is not for layers with values below 0");
    std::uint64_t chosen = order.cells.empty() ? cells : 0;
    for (const auto& [first, end] : order.cells) chosen += end - first;
    if (chosen < cluster::clustered_cells_min)
        return fail(ErrorCode::invalid_input,
                    fmt::format("at /cells: {} cells are too few to be clustered; take {} or more",
                                chosen, cluster::clustered_cells_min));
    return order;
}

std::string to_json(const ClusteringOrder& order) {
    return Json{
        {"revision", order.revision},
        {"layer", order.layer},
        {"scale", order.scale ? Json(stroma::explorer::name_of(*order.scale)) : Json(nullptr)},
        {"cells", order.cells},
        {"genes", order.options.genes},
        {"components", order.options.components},
        {"neighbours", order.options.neighbours},
        {"resolution", order.options.resolution},
        {"seed", order.options.seed}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ClusteringOrder> clustering_order_of(std::string_view text) {
    const Json json = TRY(parse_json(text, clustering_json));
    ClusteringOrder order;
    order.revision = json.value("revision", "");
    order.layer = json.value("layer", "");
    if (json.contains("scale") && json["scale"].is_string())
        order.scale = TRY(scale_named(json["scale"].get<std::string>()));
    for (const Json& run : json.value("cells", Json::array())) {
        if (!run.is_array() || run.size() != 2 || !run[0].is_number_unsigned() ||
            !run[1].is_number_unsigned())
            return fail(ErrorCode::corrupt, "a stored clustering has a run that is none");
        order.cells.emplace_back(run[0].get<std::uint32_t>(), run[1].get<std::uint32_t>());
    }
    order.options.genes = json.value("genes", order.options.genes);
    order.options.components = json.value("components", order.options.components);
    order.options.neighbours = json.value("neighbours", order.options.neighbours);
    order.options.resolution = json.value("resolution", order.options.resolution);
    order.options.seed = json.value("seed", order.options.seed);
    return order;
}

std::string id_of(const ClusteringOrder& order) {
    ContentHash hash;
    hash.update(as_bytes(fmt::format("clustering {}\n{}", clustering_version, to_json(order))));
    return hash.hex();
}

Result<std::unique_ptr<Clusterings>> Clusterings::open(sql::Database& control, Explorer& explorer,
                                                       pipeline::JobStore& jobs,
                                                       const Clock& clock) {
    const auto connection = TRY(control.connect());
    TRY(connection->run_script(clustering_schema));
    return std::unique_ptr<Clusterings>(new Clusterings(control, explorer, jobs, clock));
}

Result<std::vector<ClusteringRecord>> Clusterings::list(std::string_view where,
                                                        const std::string& value) {
    const auto connection = TRY(control_.connect());
    const auto rows = TRY(connection->execute(
        fmt::format("select id, inputs, job, summary, created_ms from clustering where {} "
                    "order by created_ms, id",
                    where),
        {value}));
    std::vector<ClusteringRecord> records;
    while (TRY(rows->next())) {
        ClusteringRecord record{rows->text(0), {}, rows->text(2), rows->text(3), rows->integer(4)};
        record.order = TRY(clustering_order_of(rows->text(1)));
        records.push_back(std::move(record));
    }
    return records;
}

Result<std::optional<ClusteringRecord>> Clusterings::find(std::string_view id) {
    auto found = TRY(list("id = ?", std::string(id)));
    if (found.empty()) return std::nullopt;
    return std::move(found[0]);
}

Result<std::vector<ClusteringRecord>> Clusterings::done(std::string_view revision) {
    return list("summary <> '' and revision = ?", std::string(revision));
}

Result<void> Clusterings::put(const ClusteringRecord& record) {
    const auto connection = TRY(control_.connect());
    TRY(connection->change(
        "insert into clustering values (?, ?, ?, ?, ?, ?) on conflict (id) do update set "
        "job = excluded.job, summary = excluded.summary where clustering.summary = ''",
        {record.id, record.order.revision, to_json(record.order), record.job, record.summary,
         clock_.unix_ms()}));
    return {};
}

Result<void> Clusterings::forget_removed(
    const std::function<Result<bool>(const std::string& revision)>& is_there) {
    const auto connection = TRY(control_.connect());
    std::vector<std::string> revisions;
    {
        const auto rows = TRY(connection->execute("select distinct revision from clustering"));
        while (TRY(rows->next())) revisions.push_back(rows->text(0));
    }
    for (const std::string& revision : revisions)
        if (!TRY(is_there(revision)))
            TRY(connection->change("delete from clustering where revision = ?", {revision}));
    return {};
}

Result<ClusteringRecord> Clusterings::ask(const ClusteringOrder& asked, std::string_view owner) {
    const auto data = TRY(explorer_.open(asked.revision));
    ClusteringRecord record;
    record.order = TRY(settled(asked, *data));
    record.id = id_of(record.order);
    if (auto known = TRY(find(record.id))) {
        if (!known->summary.empty()) return *std::move(known);
        const auto job = TRY(jobs_.find(known->job));
        if (job && !pipeline::is_final(job->state)) return *std::move(known);
    }
    const auto job = TRY(jobs_.submit({.stage = "clustering",
                                       .owner = std::string(owner),
                                       .title = "cluster cells by " + record.order.layer,
                                       .inputs = to_json(record.order),
                                       .idempotency_key = "clustering/" + record.id,
                                       .is_bounded = true}));
    record.job = job.id;
    TRY(put(record));
    return record;
}

Result<ClusteringRecord> Clusterings::run(const ClusteringOrder& order, std::string_view job,
                                          const cluster::Steps& steps) {
    const auto data = TRY(explorer_.open(order.revision));
    const cluster::Clustering found = TRY(cluster_behind_others(order, *data, steps));
    ClusteringRecord record{id_of(order), order, std::string(job), summary_of(order, *data, found),
                            0};
    const auto make = [&](const RevisionData& now) { return columns_of(order, now, found); };
    TRY(explorer_.answer(cells_of_clustering(record, Coding::identity), make));
    TRY(put(record));
    return record;
}

Result<Body> Clusterings::cells(const ClusteringRecord& record, Coding coding) {
    return explorer_.answer(
        cells_of_clustering(record, coding), [&](const RevisionData& data) -> Result<Made> {
            if (coding == Coding::identity) {
                const auto found = TRY(cluster_behind_others(record.order, data, {}));
                return columns_of(record.order, data, found);
            }
            // Packed from what is stored: making it again would cost more.
            const Body plain = TRY(cells(record, Coding::identity));
            std::string bytes(plain.size_bytes, '\0');
            TRY(plain.file->read_at(0, std::as_writable_bytes(std::span(bytes))));
            return Made{std::move(bytes), plain.media_type};
        });
}

Result<std::string> ClusteringStage::run(const pipeline::Job& job,
                                         pipeline::StageContext& context) {
    const ClusteringOrder order = TRY(clustering_order_of(job.inputs));
    const cluster::Steps steps{[&](std::string_view step, double done, double total) {
                                   context.progress({std::string(step), done, total, ""});
                               },
                               [&] { return context.cancelled(); }};
    const auto record = TRY(clusterings_.run(order, job.id, steps));
    return Json{{"clustering", record.id}}.dump();
}

}  // namespace stroma::explorer
