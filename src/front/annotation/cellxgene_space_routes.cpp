#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "explorer/cellxgene_answers.h"
#include "explorer/content_coding.h"
#include "explorer/net_labels.h"
#include "explorer/net_matrix.h"
#include "front/annotation/annotation_routes.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/explorer/explorer_routes.h"

// cellxgene's API over one revision and one space: what is immutable is answered as below /d, and
// labels and gene sets of the space are added. Its clients send all labels at once and no ETag;
// here that becomes one change a column, of the cells that differ, with its place in the history.

namespace stroma::front::annotation {
namespace {

using catalog::Action;
using explorer::Asked;
using stroma::annotation::GeneSet;
using stroma::annotation::LabelColumn;
using stroma::annotation::LabelState;
using stroma::annotation::LabelStep;

constexpr std::string_view below = "/u/spaces/{space}/revisions/{revision}";
constexpr std::uint64_t packed_bytes_max = 64u << 20;
constexpr std::size_t body_bytes_max = 512u << 20;
constexpr std::uint64_t cellxgene_sets_bytes_max = 32u << 20;

struct Overlay {
    const AnnotationDomain& domain;
    http::Request& request;
    FoundPlace found;
    std::vector<LabelColumn> columns;
    bool has_dictionaries = false;

    std::string etag() const {
        ContentHash hash;
        hash.update(as_bytes(etag_of(columns) + request.target));
        return "own." + hash.hex();
    }
};

Result<Overlay> overlay_of(const AnnotationDomain& domain, http::Request& request, Action action) {
    const std::string& version = request.parameters.at("version");
    if (version != "v0.2" && version != "v0.3")
        return fail(ErrorCode::not_found, "there is no version '" + version +
                                              "' of cellxgene's API here; use v0.2 or v0.3");
    Overlay overlay{domain, request, TRY(find_place(domain, request, action)), {}, false};
    overlay.columns = TRY(domain.labels.columns(overlay.found.place));
    overlay.has_dictionaries = version == "v0.3";
    return overlay;
}

Answer get_schema(const AnnotationDomain& domain, http::Request& request) {
    const Overlay overlay = TRY(overlay_of(domain, request, Action::read));
    const auto base = TRY(stroma::explorer::cellxgene_schema(*overlay.found.data));
    Json json = TRY(parse_json(base.bytes, {.bytes_max = 256u << 20}));
    for (const LabelColumn& column : overlay.columns) {
        Json categories = Json::array();
        const auto state = TRY(domain.labels.state(column));
        for (const auto& label : state->labels)
            if (label) categories.push_back(*label);
        categories.push_back(stroma::annotation::unassigned_text);
        json["schema"]["annotations"]["obs"]["columns"].push_back(
            {{"name", column.name},
             {"type", "categorical"},
             {"categories", std::move(categories)},
             {"writable", true}});
    }
    return current_answer(request, api::json_answer(200, json), overlay.etag());
}

Answer get_config(const AnnotationDomain& domain, http::Request& request) {
    const Overlay overlay = TRY(overlay_of(domain, request, Action::read));
    const auto base =
        TRY(stroma::explorer::cellxgene_config(*overlay.found.data, domain.explorer.version));
    Json json = TRY(parse_json(base.bytes));
    const auto space = TRY(find_space(domain, request, overlay.found.place.space, Action::read));
    const bool writable = TRY(domain.explorer.access.may(
        request.principal, Action::change, {catalog::ThingKind::space, space.id, space.owner}));
    Json& parameters = json["config"]["parameters"];
    parameters["annotations"] = true;
    parameters["annotations-data-collection-name"] = space.title;
    parameters["annotations-data-collection-is-read-only"] = !writable;
    parameters["annotations_genesets_readonly"] = !writable;
    parameters["annotations_genesets_name_is_read_only"] = false;
    return current_answer(request, api::json_answer(200, json), overlay.etag());
}

expression::Column shown(const LabelColumn& column, const LabelState& state) {
    expression::Categorical values;
    expression::TextArray texts;
    std::vector<std::int32_t> places;
    for (const auto& label : state.labels) {
        places.push_back(static_cast<std::int32_t>(texts.size()));
        if (label) texts.push_back(*label);
    }
    const auto none = static_cast<std::int32_t>(texts.size());
    texts.push_back(stroma::annotation::unassigned_text);
    for (const std::int32_t code : state.codes)
        values.codes.push_back(
            code == stroma::annotation::unassigned ? none : places[static_cast<std::size_t>(code)]);
    values.categories = std::move(texts);
    return {column.name, std::move(values), {}};
}

Result<void> add_column(const Overlay& overlay, const expression::Frame& obs,
                        const std::string& name, stroma::explorer::NetMatrix& net) {
    const auto own = std::find_if(overlay.columns.begin(), overlay.columns.end(),
                                  [&](const LabelColumn& column) { return column.name == name; });
    if (own != overlay.columns.end()) {
        const auto state = TRY(overlay.domain.labels.state(*own));
        net.add(shown(*own, *state), overlay.has_dictionaries);
        return {};
    }
    if (const auto* column = obs.find(name)) {
        net.add(*column, overlay.has_dictionaries);
        return {};
    }
    if (!name.starts_with("name_"))
        return fail(ErrorCode::invalid_input, "there is no column '" + name + "'");
    net.add(obs.index);
    return {};
}

/// Own columns among those asked for, or all; where none is own the immutable answer is given.
Answer get_obs(const AnnotationDomain& domain, http::Request& request) {
    const Overlay overlay = TRY(overlay_of(domain, request, Action::read));
    std::vector<std::string> names;
    for (const auto& [name, value] : request.query)
        if (name == "annotation-name") names.push_back(value);
    const auto obs = TRY(overlay.found.data->sealed->obs());
    if (names.empty()) {
        names.emplace_back("name_0");
        for (const auto& column : obs.columns) names.push_back(column.name);
        for (const LabelColumn& column : overlay.columns) names.push_back(column.name);
    }
    if (is_known(request, overlay.etag())) return current_answer(request, {}, overlay.etag());
    stroma::explorer::NetMatrix net(obs.row_count());
    for (const std::string& name : names) TRY(add_column(overlay, obs, name, net));
    return current_answer(
        request, http::text_response(200, TRY(net.named(names)), "application/octet-stream"),
        overlay.etag());
}

/// "unassigned" is what cells without a label are called there.
stroma::annotation::ListedLabels listed(const stroma::explorer::NetLabels& sent) {
    stroma::annotation::ListedLabels list;
    list.name = sent.name;
    std::vector<std::int32_t> places;
    for (const std::string& label : sent.labels) {
        const bool is_none = label.empty() || label == stroma::annotation::unassigned_text;
        places.push_back(is_none ? stroma::annotation::unassigned
                                 : static_cast<std::int32_t>(list.labels.size()));
        if (!is_none) list.labels.push_back(label);
    }
    for (std::uint32_t cell = 0; cell < sent.values.size(); ++cell) {
        list.cells.push_back(cell);
        const std::int32_t place = sent.values[cell];
        list.values.push_back(place < 0 ? place : places[static_cast<std::size_t>(place)]);
    }
    return list;
}

Result<void> put_column(const Overlay& overlay, const stroma::annotation::ListedLabels& list) {
    const LabelStep step{"import", [&](const LabelState& state) {
                             return stroma::annotation::assigned_each(state, list.labels,
                                                                      list.cells, list.values);
                         }};
    const auto author = author_of(overlay.request);
    auto& labels = overlay.domain.labels;
    const auto own =
        std::find_if(overlay.columns.begin(), overlay.columns.end(),
                     [&](const LabelColumn& column) { return column.name == list.name; });
    if (own == overlay.columns.end()) {
        TRY(labels.create(overlay.found.place, list.name, cells_in(*overlay.found.data), author,
                          step));
        return {};
    }
    const auto state = TRY(labels.state(*own));
    const auto change = TRY(step.change(*state));
    if (change.is_empty()) return {};
    TRY(labels.append(*own, {own->version, true}, author, step));
    return {};
}

Answer put_obs(const AnnotationDomain& domain, http::Request& request) {
    const Overlay overlay = TRY(overlay_of(domain, request, Action::change));
    const std::string packed = TRY(request.text_body(packed_bytes_max));
    const std::string body = TRY(stroma::explorer::inflated(packed, body_bytes_max));
    const auto sent =
        TRY(stroma::explorer::labels_from_net(as_bytes(body), cells_in(*overlay.found.data)));
    const auto obs = TRY(overlay.found.data->sealed->obs());
    for (const auto& column : sent)
        if (obs.find(column.name) != nullptr)
            return fail(ErrorCode::invalid_input,
                        "the dataset has a column '" + column.name + "' already");
    for (const auto& column : sent) TRY(put_column(overlay, listed(column)));
    for (const LabelColumn& column : overlay.columns)
        if (std::none_of(sent.begin(), sent.end(),
                         [&](const auto& one) { return one.name == column.name; }))
            TRY(domain.labels.remove(column, {column.version, false}, author_of(request)));
    return api::json_answer(200, Json{{"status", "OK"}});
}

Answer get_gene_sets(const AnnotationDomain& domain, http::Request& request) {
    const Overlay overlay = TRY(overlay_of(domain, request, Action::read));
    const auto document = TRY(domain.gene_sets.read(overlay.found.place));
    if (!explorer::accepts(request, "application/json") && explorer::accepts(request, "text/csv")) {
        auto response = http::text_response(
            200, stroma::annotation::gene_sets_to_csv(document.sets), "text/csv");
        response.headers.emplace_back("Content-Disposition",
                                      "attachment; filename=\"genesets.csv\"");
        return current_answer(request, std::move(response), document.etag() + ".csv");
    }
    const Json sets = TRY(parse_json(stroma::annotation::gene_sets_to_json(document.sets),
                                     {.bytes_max = 256u << 20}));
    return current_answer(
        request, api::json_answer(200, Json{{"genesets", sets}, {"tid", document.version}}),
        document.etag());
}

/// The client's counter is its lock: one that isn't greater than ours is late.
Answer put_gene_sets(const AnnotationDomain& domain, http::Request& request) {
    const Overlay overlay = TRY(overlay_of(domain, request, Action::change));
    const Json body = TRY(api::json_body(request, cellxgene_sets_bytes_max));
    if (!body.contains("genesets") || !body.contains("tid") || !body["tid"].is_number_unsigned())
        return fail(ErrorCode::invalid_input, "'genesets' and 'tid' are needed");
    const auto sets = TRY(stroma::annotation::gene_sets_from_json(body["genesets"].dump()));
    const auto now = TRY(domain.gene_sets.read(overlay.found.place));
    if (body["tid"].get<std::uint64_t>() <= static_cast<std::uint64_t>(now.version))
        return fail(ErrorCode::conflict, "'tid' must be greater than " +
                                             std::to_string(now.version) +
                                             ": the gene sets changed since you read them");
    TRY(domain.gene_sets.change(overlay.found.place, {now.version, false}, author_of(request),
                                "replace", [&](std::vector<GeneSet>& all) -> Result<void> {
                                    all = sets;
                                    return {};
                                }));
    return api::json_answer(200, Json{{"status", "OK"}});
}

/// A route of the immutable space, for who may read the space.
http::Response read_below(const AnnotationDomain& domain, http::Request& request,
                          explorer::ExplorerHandler handler) {
    const auto answer = [&]() -> Answer {
        auto found = TRY(find_place(domain, request, Action::read));
        return handler(Asked{domain.explorer, request, std::move(found.place.revision), false});
    }();
    return answer ? *answer : explorer::problem_response(request, answer.error());
}

}  // namespace

std::vector<AnnotationRoute> cellxgene_overlay_routes() {
    return {
        {"GET", "/u/spaces/{space}/revisions/{revision}/api/{version}/schema", get_schema},
        {"GET", "/u/spaces/{space}/revisions/{revision}/api/{version}/config", get_config},
        {"GET", "/u/spaces/{space}/revisions/{revision}/api/{version}/annotations/obs", get_obs},
        {"PUT", "/u/spaces/{space}/revisions/{revision}/api/{version}/annotations/obs", put_obs},
        {"GET", "/u/spaces/{space}/revisions/{revision}/api/{version}/genesets", get_gene_sets},
        {"PUT", "/u/spaces/{space}/revisions/{revision}/api/{version}/genesets", put_gene_sets}};
}

std::vector<http::Route> cellxgene_read_routes(const AnnotationDomain& domain) {
    std::vector<http::Route> routes;
    const auto own = cellxgene_overlay_routes();
    for (const explorer::ExplorerRoute& route : explorer::cellxgene_routes()) {
        const std::string pattern =
            std::string(below) +
            std::string(route.pattern).substr(std::string("/d/{revision}").size());
        if (std::any_of(own.begin(), own.end(), [&](const AnnotationRoute& one) {
                return pattern == one.pattern && std::string_view(route.method) == one.method;
            }))
            continue;
        routes.push_back(
            {route.method, pattern, [&domain, handler = route.handler](http::Request& request) {
                 return read_below(domain, request, handler);
             }});
    }
    return routes;
}

}  // namespace stroma::front::annotation
