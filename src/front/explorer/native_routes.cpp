#include "explorer/native_answers.h"

#include <fmt/format.h>

#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/explorer/explorer_routes.h"

// Stroma's own routes: JSON for what describes, Arrow streams for columns.

namespace stroma::front::explorer {
namespace {

using Answer = Result<http::Response>;
using arrow::BodyCompression;
using stroma::explorer::GeneQuestion;
using stroma::explorer::RevisionData;

constexpr std::size_t genes_max = 1000;
constexpr std::int64_t hits_max = 1000;

struct NamedCompression {
    std::string_view name;
    BodyCompression compression;
};
constexpr NamedCompression compressions[] = {{"none", BodyCompression::none},
                                             {"lz4", BodyCompression::lz4},
                                             {"zstd", BodyCompression::zstd}};

/// Arrow's own packing, for clients that keep the stream as a file.
Result<NamedCompression> compression_of(const Asked& asked) {
    const std::string name = asked.request.query_value("compression").value_or("none");
    for (const NamedCompression& known : compressions)
        if (known.name == name) return known;
    return fail(ErrorCode::invalid_input, "'compression' is none, lz4 or zstd, not '" + name + "'");
}

Answer get_schema(const Asked& asked) {
    return asked.answer("schema", stroma::explorer::schema_answer);
}

Answer get_summary(const Asked& asked) {
    return asked.answer("summary", stroma::explorer::summary_answer);
}

Answer get_colors(const Asked& asked) {
    return asked.answer("colors", stroma::explorer::colors_answer);
}

Answer get_obs(const Asked& asked) {
    const auto names = asked.values("column");
    const auto packing = TRY(compression_of(asked));
    return asked.answer(fmt::format("obs/{}{}", packing.name, spelled(names)),
                        [&](const RevisionData& data) {
                            return stroma::explorer::obs_answer(data, names, packing.compression);
                        });
}

Answer get_var(const Asked& asked) {
    const auto names = asked.values("column");
    const auto packing = TRY(compression_of(asked));
    return asked.answer(fmt::format("var/{}{}", packing.name, spelled(names)),
                        [&](const RevisionData& data) {
                            return stroma::explorer::var_answer(data, names, packing.compression);
                        });
}

Answer get_embedding(const Asked& asked) {
    const std::string name = asked.request.parameters.at("embedding");
    const auto packing = TRY(compression_of(asked));
    return asked.answer(fmt::format("embedding/{}{}", packing.name, spelled(std::vector{name})),
                        [&](const RevisionData& data) {
                            return stroma::explorer::embedding_answer(data, name,
                                                                      packing.compression);
                        });
}

/// Genes by name, a layer and a form: from the query, or from the body of a POST.
struct GeneOrder {
    std::vector<std::string> genes;
    std::string layer = "X", form = "dense";
};

Result<GeneOrder> gene_order(const Asked& asked) {
    GeneOrder order;
    if (asked.request.method == "POST") {
        const Json body = TRY(api::json_body(asked.request));
        api::JsonFields fields(body);
        order.genes = TRY(fields.texts("genes"));
        order.layer = TRY(fields.text_or("layer", order.layer));
        order.form = TRY(fields.text_or("form", order.form));
        TRY(fields.finish());
    } else {
        order.genes = asked.values("gene");
        order.layer = asked.request.query_value("layer").value_or(order.layer);
        order.form = asked.request.query_value("form").value_or(order.form);
    }
    if (order.genes.empty())
        return fail(ErrorCode::invalid_input, "no gene is asked for; name one, like gene=CD3D");
    if (order.genes.size() > genes_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} genes are more than {}; ask for fewer at once",
                                order.genes.size(), genes_max));
    if (order.form != "dense" && order.form != "sparse")
        return fail(ErrorCode::invalid_input,
                    "'form' is dense or sparse, not '" + order.form + "'");
    return order;
}

Result<GeneQuestion> gene_question(const Asked& asked, const GeneOrder& order) {
    const auto data = TRY(asked.domain.explorer.open(asked.revision));
    GeneQuestion question;
    question.layer = order.layer;
    question.is_sparse = order.form == "sparse";
    question.genes = TRY(stroma::explorer::genes_named(*data, order.layer, order.genes));
    question.compression = TRY(compression_of(asked)).compression;
    return question;
}

std::string spelled_question(const GeneQuestion& question) {
    return fmt::format("{}{}/{}{}", static_cast<int>(question.compression),
                       spelled(std::vector{question.layer}), question.is_sparse ? "s" : "d",
                       spelled(question.genes));
}

Answer expression(const Asked& asked) {
    const GeneOrder order = TRY(gene_order(asked));
    const GeneQuestion question = TRY(gene_question(asked, order));
    return asked.answer("expression/" + spelled_question(question), [&](const RevisionData& data) {
        return stroma::explorer::expression_answer(data, question);
    });
}

Answer expression_mean(const Asked& asked) {
    const GeneOrder order = TRY(gene_order(asked));
    const GeneQuestion question = TRY(gene_question(asked, order));
    return asked.answer("mean/" + spelled_question(question), [&](const RevisionData& data) {
        return stroma::explorer::mean_answer(data, question);
    });
}

Answer search_genes(const Asked& asked) {
    const std::string text = asked.request.query_value("search").value_or("");
    const std::string layer = asked.request.query_value("layer").value_or("X");
    const std::int64_t limit = TRY(api::query_integer(asked.request, "limit", 20));
    if (limit < 1 || limit > hits_max)
        return fail(ErrorCode::invalid_input, fmt::format("'limit' is 1 to {}", hits_max));
    const auto data = TRY(asked.domain.explorer.open(asked.revision));
    auto made = stroma::explorer::gene_search_answer(*TRY(data->genes_of(layer)), text,
                                                     static_cast<std::size_t>(limit));
    return asked.text_answer(std::move(made.bytes), made.media_type);
}

}  // namespace

std::vector<ExplorerRoute> native_routes() {
    return {{"GET", "/d/{revision}/schema", get_schema},
            {"GET", "/d/{revision}/summary", get_summary},
            {"GET", "/d/{revision}/colors", get_colors},
            {"GET", "/d/{revision}/obs", get_obs},
            {"GET", "/d/{revision}/var", get_var},
            {"GET", "/d/{revision}/embeddings/{embedding}", get_embedding},
            {"GET", "/d/{revision}/expression", expression},
            {"POST", "/d/{revision}/expression", expression},
            {"GET", "/d/{revision}/expression/mean", expression_mean},
            {"POST", "/d/{revision}/expression/mean", expression_mean},
            {"GET", "/d/{revision}/genes", search_genes}};
}

}  // namespace stroma::front::explorer
