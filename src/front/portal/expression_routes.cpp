#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "front/portal/portal_routes.h"
#include "portal/expression_sum.h"

// Genes over datasets: which measured a gene and how, and how genes are expressed in tissues and
// kinds of cells over all of them. Only what the asker may read is read.

namespace stroma::front::portal {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using stroma::explorer::GeneExpression;
using stroma::portal::ExpressionDot;
using stroma::portal::SearchEntry;

constexpr std::size_t genes_max = 50, gene_bytes_max = 200;
constexpr std::size_t datasets_max = 200;

std::vector<std::string> columns_of(std::size_t facet) {
    const auto& columns = stroma::portal::all_facets()[facet].columns;
    return {columns.begin(), columns.end()};
}

/// What the whole dataset is called by the facet, if its content says one thing.
std::string whole_of(const SearchEntry& entry, std::size_t facet) {
    const std::string_view name = stroma::portal::all_facets()[facet].name;
    std::string only;
    if (!entry.facts) return only;
    for (const auto& value : entry.facts->facets)
        if (value.facet == name) {
            if (!only.empty()) return "";
            only = value.value;
        }
    return only;
}

Json dataset_json(const SearchEntry& entry) {
    const std::string title = !entry.dataset.title.empty() ? entry.dataset.title
                              : entry.facts                ? entry.facts->title
                                                           : "";
    return {{"id", entry.dataset.id},
            {"name", entry.dataset.name},
            {"title", title},
            {"revision", entry.dataset.current_revision}};
}

/// Share of cells that have it, mean over all cells and over those that have it.
void put_numbers(Json& json, std::uint64_t cells, std::uint64_t expressing, double sum) {
    const auto mean = [&](std::uint64_t of) {
        return of == 0 ? Json(nullptr) : Json(sum / static_cast<double>(of));
    };
    json["cells"] = cells;
    json["expressing"] = expressing;
    json["share"] = cells == 0 ? Json(nullptr)
                               : Json(static_cast<double>(expressing) / static_cast<double>(cells));
    json["mean"] = mean(cells);
    json["mean_expressing"] = mean(expressing);
}

Result<std::vector<std::string>> genes_asked(const http::Request& request) {
    std::vector<std::string> genes;
    for (const auto& [name, value] : request.query) {
        if (name != "gene" || value.empty()) continue;
        if (value.size() > gene_bytes_max)
            return fail(ErrorCode::invalid_input, "a gene's name is longer than any name");
        if (std::find(genes.begin(), genes.end(), value) == genes.end()) genes.push_back(value);
    }
    if (genes.empty() || genes.size() > genes_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("name 1 to {} genes, each as gene=…", genes_max));
    return genes;
}

Result<std::size_t> facet_asked(const http::Request& request) {
    const std::string name = request.query_value("by").value_or("cell_type");
    if (const auto facet = stroma::portal::facet_place(name)) return *facet;
    return fail(ErrorCode::invalid_input,
                "the query's 'by' must be a facet, such as cell_type, tissue or disease");
}

/// The datasets that the rest of the query finds, at most those that one request reads.
Result<stroma::portal::SearchAnswer> datasets_asked(PortalContext& context,
                                                    const http::Request& request) {
    auto question = TRY(question_of(request));
    question.limit = std::min(question.limit, datasets_max);
    return context.portal.search(request.principal, question);
}

/// Of one that went away meanwhile, or is damaged, nothing; the dataset's page tells why.
Result<std::optional<GeneExpression>> read_gene(PortalContext& context, const SearchEntry& entry,
                                                const std::string& gene, std::size_t facet) {
    auto told = stroma::explorer::kept_gene_expression(
        context.explorer, entry.dataset.current_revision, gene, columns_of(facet));
    const bool is_lost = !told && (told.error().code == ErrorCode::not_found ||
                                   told.error().code == ErrorCode::corrupt);
    if (is_lost) return std::nullopt;
    return told;
}

Answer get_gene(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    const auto genes = TRY(genes_asked(request));
    if (genes.size() > 1) return fail(ErrorCode::invalid_input, "name one gene");
    const std::size_t facet = TRY(facet_asked(request));
    const auto found = TRY(datasets_asked(context, request));
    Json json{{"gene", genes.front()},
              {"total", found.total},
              {"read", found.entries.size()},
              {"datasets", Json::array()}};
    for (const SearchEntry& entry : found.entries) {
        if (request.left.stop_requested()) return fail(ErrorCode::cancelled, "the client left");
        const auto told = TRY(read_gene(context, entry, genes.front(), facet));
        if (!told) continue;
        Json one = dataset_json(entry);
        one["gene_id"] = told->gene_id;
        one["gene_name"] = told->gene_name;
        one["layer"] = told->layer;
        one["scale"] = told->scale;
        one["unit"] = told->unit;
        put_numbers(one, told->cells, told->expressing, told->sum);
        one["column"] = told->column.empty() ? Json(nullptr) : Json(told->column);
        one["groups"] = Json::array();
        for (const auto& group : told->groups) {
            Json line{{"label", group.label.empty() ? whole_of(entry, facet) : group.label}};
            put_numbers(line, group.cells, group.expressing, group.sum);
            one["groups"].push_back(std::move(line));
        }
        json["datasets"].push_back(std::move(one));
    }
    return api::json_answer(200, json);
}

Json groups_json(const std::vector<stroma::portal::ExpressionGroup>& groups,
                 const std::vector<std::string>& genes) {
    Json list = Json::array();
    for (const auto& group : groups) {
        Json one{{"label", group.label},
                 {"term", group.term.empty() ? Json(nullptr) : Json(group.term)},
                 {"broader", group.is_broader},
                 {"genes", Json::array()}};
        for (std::size_t gene = 0; gene < genes.size(); ++gene) {
            const ExpressionDot& dot = group.genes[gene];
            Json line{{"gene", genes[gene]}, {"datasets", dot.datasets.size()}};
            put_numbers(line, dot.cells, dot.expressing, dot.sum);
            one["genes"].push_back(std::move(line));
        }
        list.push_back(std::move(one));
    }
    return list;
}

Answer get_expression(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    const auto genes = TRY(genes_asked(request));
    const std::size_t facet = TRY(facet_asked(request));
    const auto found = TRY(datasets_asked(context, request));
    stroma::portal::ExpressionSum sum(TRY(context.ontologies.terms()), facet, genes.size());
    Json json{{"by", stroma::portal::all_facets()[facet].name},
              {"scale", "log_cp10k"},
              {"total", found.total},
              {"read", found.entries.size()},
              {"datasets", Json::array()},
              {"left_out", Json::array()}};
    for (const SearchEntry& entry : found.entries) {
        if (request.left.stop_requested()) return fail(ErrorCode::cancelled, "the client left");
        bool has_any = false, has_counts = true;
        const auto number = static_cast<std::uint32_t>(&entry - found.entries.data());
        for (std::size_t gene = 0; gene < genes.size(); ++gene) {
            const auto told = TRY(read_gene(context, entry, genes[gene], facet));
            if (!told) continue;
            has_any = true;
            has_counts = told->scale == "log_cp10k";
            if (has_counts) sum.add(number, gene, *told, whole_of(entry, facet));
        }
        Json one = dataset_json(entry);
        if (!has_any || !has_counts)
            one["why"] = has_any ? "it has no counts, so its values have another scale"
                                 : "it has none of these genes";
        json[has_any && has_counts ? "datasets" : "left_out"].push_back(std::move(one));
    }
    json["groups"] = groups_json(sum.groups(request.query_value("rollup") == "true"), genes);
    return api::json_answer(200, json);
}

}  // namespace

std::vector<PortalRoute> expression_routes() {
    return {{"GET", "/v1/portal/genes", get_gene},
            {"GET", "/v1/portal/expression", get_expression}};
}

}  // namespace stroma::front::portal
