#include <algorithm>

#include "base/json.h"
#include "front/annotation/annotation_routes.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/explorer/explorer_routes.h"

// Gene sets of a space over one revision: one document with one version.

namespace stroma::front::annotation {
namespace {

using catalog::Action;
using stroma::annotation::GeneSet;
using stroma::annotation::GeneSetDocument;
using stroma::annotation::GeneSetOutcome;
using stroma::annotation::LabelBase;

constexpr std::uint64_t sets_bytes_max = 32u << 20;
constexpr std::string_view etag_prefix = "genesets.";

/// Genes that the revision lacks, told and not dropped.
Json unknown_json(const std::vector<GeneSet>& sets, const stroma::explorer::RevisionData& data) {
    Json unknown = Json::array();
    for (const GeneSet& set : sets) {
        Json genes = Json::array();
        for (const auto& gene : set.genes)
            if (!data.genes.find(gene.symbol)) genes.push_back(gene.symbol);
        if (!genes.empty())
            unknown.push_back({{"geneset_name", set.name}, {"genes", std::move(genes)}});
    }
    return unknown;
}

Json document_json(const GeneSetDocument& document, const stroma::explorer::RevisionData& data) {
    return {{"tid", document.version},
            {"genesets", *parse_json(stroma::annotation::gene_sets_to_json(document.sets),
                                     {.bytes_max = 256u << 20})},
            {"unknown_genes", unknown_json(document.sets, data)}};
}

Result<LabelBase> base_in(const AnnotationDomain& domain, const http::Request& request,
                          const FoundPlace& found) {
    const auto now = TRY(domain.gene_sets.read(found.place));
    return LabelBase{TRY(version_in(if_match(request), etag_prefix, now.version)),
                     request.query_value("on_conflict") == "merge"};
}

http::Response outcome_answer(const http::Request& request, const GeneSetOutcome& outcome,
                              const FoundPlace& found) {
    Json json = document_json(outcome.document, *found.data);
    json["entry"] = entry_json(outcome.entry);
    return current_answer(request, api::json_answer(200, json), outcome.document.etag());
}

Answer get_sets(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::read));
    const auto document = TRY(domain.gene_sets.read(found.place));
    return current_answer(request, api::json_answer(200, document_json(document, *found.data)),
                          document.etag());
}

Answer put_set(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::change));
    Json body = TRY(api::json_body(request, sets_bytes_max));
    body["geneset_name"] = request.parameters.at("geneset");
    const auto sets = TRY(stroma::annotation::gene_sets_from_json(Json::array({body}).dump()));
    const LabelBase base = TRY(base_in(domain, request, found));
    const auto put = [&](std::vector<GeneSet>& all) -> Result<void> {
        stroma::annotation::put_set(all, sets.front());
        return {};
    };
    return outcome_answer(
        request, TRY(domain.gene_sets.change(found.place, base, author_of(request), "put", put)),
        found);
}

tl::unexpected<Error> no_set(const std::string& name) {
    return fail(ErrorCode::not_found, "there is no gene set '" + name + "'");
}

Answer delete_set(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::change));
    const std::string& name = request.parameters.at("geneset");
    const LabelBase base = TRY(base_in(domain, request, found));
    const auto remove = [&](std::vector<GeneSet>& all) -> Result<void> {
        if (std::erase_if(all, [&](const GeneSet& set) { return set.name == name; }) == 0)
            return no_set(name);
        return {};
    };
    return outcome_answer(
        request,
        TRY(domain.gene_sets.change(found.place, base, author_of(request), "remove", remove)),
        found);
}

Result<void> rename(std::vector<GeneSet>& all, const std::string& from, const std::string& to) {
    const auto named = [&](const std::string& name) {
        return std::find_if(all.begin(), all.end(),
                            [&](const GeneSet& set) { return set.name == name; });
    };
    const auto set = named(from);
    if (set == all.end()) return no_set(from);
    if (from != to && named(to) != all.end())
        return fail(ErrorCode::already_exists, "there is a gene set '" + to + "' already");
    set->name = to;
    return {};
}

Answer post_sets_change(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::change));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    const std::string op = TRY(fields.text("op"));
    const LabelBase base = TRY(base_in(domain, request, found));
    if (op == "undo") {
        const std::int64_t version = TRY(fields.integer_or("version", base.version));
        TRY(fields.finish());
        return outcome_answer(
            request, TRY(domain.gene_sets.undo(found.place, base, author_of(request), version)),
            found);
    }
    if (op != "rename")
        return fail(api::error_at(ErrorCode::invalid_input, "/op", "'op' is rename or undo"));
    const std::string from = TRY(fields.text("from")), to = TRY(fields.text("to"));
    TRY(fields.finish());
    return outcome_answer(request,
                          TRY(domain.gene_sets.change(
                              found.place, base, author_of(request), op,
                              [&](std::vector<GeneSet>& all) { return rename(all, from, to); })),
                          found);
}

Answer get_sets_history(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::read));
    const auto document = TRY(domain.gene_sets.read(found.place));
    Json entries = Json::array();
    constexpr std::int64_t most = 1000;
    for (const auto& entry : TRY(domain.gene_sets.history(found.place, most)))
        entries.push_back(entry_json(entry));
    return current_answer(
        request,
        api::json_answer(200, Json{{"version", document.version}, {"entries", std::move(entries)}}),
        document.etag());
}

Answer get_sets_csv(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::read));
    const auto document = TRY(domain.gene_sets.read(found.place));
    auto response = http::text_response(200, stroma::annotation::gene_sets_to_csv(document.sets),
                                        "text/csv; charset=utf-8");
    response.headers.emplace_back("Content-Disposition", "attachment; filename=\"genesets.csv\"");
    return current_answer(request, std::move(response), document.etag());
}

/// Sets of the same name are replaced; others stay.
Answer post_sets_csv(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::change));
    const std::string text = TRY(request.text_body(sets_bytes_max));
    const auto read = TRY(stroma::annotation::gene_sets_from_csv(text));
    const LabelBase base = TRY(base_in(domain, request, found));
    const auto outcome =
        TRY(domain.gene_sets.change(found.place, base, author_of(request), "import",
                                    [&](std::vector<GeneSet>& all) -> Result<void> {
                                        for (const GeneSet& set : read.sets)
                                            stroma::annotation::put_set(all, set);
                                        return {};
                                    }));
    Json json = document_json(outcome.document, *found.data);
    json["entry"] = entry_json(outcome.entry);
    json["imported"] = read.sets.size();
    json["repeated_genes"] = read.repeated;
    return current_answer(request, api::json_answer(200, json), outcome.document.etag());
}

}  // namespace

std::vector<AnnotationRoute> gene_set_routes() {
    return {
        {"GET", "/u/spaces/{space}/revisions/{revision}/genesets", get_sets},
        {"PUT", "/u/spaces/{space}/revisions/{revision}/genesets/{geneset}", put_set, true},
        {"DELETE", "/u/spaces/{space}/revisions/{revision}/genesets/{geneset}", delete_set, true},
        {"GET", "/u/spaces/{space}/revisions/{revision}/genesets-history", get_sets_history},
        {"POST", "/u/spaces/{space}/revisions/{revision}/genesets-history", post_sets_change, true},
        {"GET", "/u/spaces/{space}/revisions/{revision}/genesets.csv", get_sets_csv},
        {"POST", "/u/spaces/{space}/revisions/{revision}/genesets.csv", post_sets_csv, true}};
}

}  // namespace stroma::front::annotation
