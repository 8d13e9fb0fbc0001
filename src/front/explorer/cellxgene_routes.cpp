#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "base/json.h"
#include "explorer/cellxgene_answers.h"
#include "explorer/native_answers.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/explorer/explorer_routes.h"
#include "front/http/url.h"

// cellxgene's /api/v0.2 and /api/v0.3, so that its own clients read a revision. Nothing here is
// writable: labels and gene sets live in another address space.

namespace stroma::front::explorer {
namespace {

using Answer = Result<http::Response>;
using stroma::explorer::Axis;
using stroma::explorer::CellxgeneStyle;
using stroma::explorer::RevisionData;
using stroma::explorer::RowFilter;

constexpr std::uint64_t form_bytes_max = 1'000'000;
constexpr std::int64_t bins_max = 32'767;
constexpr std::uint64_t compare_bytes_max = 32u << 20;
constexpr std::uint64_t genes_told_max = 100'000;

/// What the path's version and the query's nbins ask for.
Result<CellxgeneStyle> style_of(const Asked& asked) {
    const std::string& version = asked.request.parameters.at("version");
    if (version != "v0.2" && version != "v0.3")
        return fail(ErrorCode::not_found, "there is no version '" + version +
                                              "' of cellxgene's API here; use v0.2 or v0.3");
    CellxgeneStyle style;
    style.with_dictionaries = version == "v0.3";
    const std::int64_t bins = TRY(api::query_integer(asked.request, "nbins", 0));
    if (bins < 0 || bins > bins_max)
        return fail(ErrorCode::invalid_input, fmt::format("'nbins' is 1 to {}", bins_max));
    if (style.with_dictionaries) style.bins = static_cast<int>(bins);
    return style;
}

std::string spelled_style(const CellxgeneStyle& style) {
    return fmt::format("cellxgene/{}/{}/", style.with_dictionaries ? "dict" : "json", style.bins);
}

/// 406 for who doesn't take bytes.
std::optional<http::Response> refused(const Asked& asked) {
    if (accepts(asked.request, "application/octet-stream")) return std::nullopt;
    return problem_response(asked.request, 406,
                            {ErrorCode::invalid_input,
                             "this is application/octet-stream, which Accept does not allow"});
}

Answer cellxgene_get_schema(const Asked& asked) {
    TRY(style_of(asked));
    return asked.answer("cellxgene/schema", stroma::explorer::cellxgene_schema);
}

Answer get_config(const Asked& asked) {
    TRY(style_of(asked));
    const std::string& version = asked.domain.version;
    return asked.answer("cellxgene/config/" + version, [&](const RevisionData& data) {
        return stroma::explorer::cellxgene_config(data, version);
    });
}

Answer cellxgene_get_colors(const Asked& asked) {
    TRY(style_of(asked));
    return asked.answer("colors", stroma::explorer::colors_answer);
}

Answer annotations(const Asked& asked, Axis axis) {
    const CellxgeneStyle style = TRY(style_of(asked));
    if (auto answer = refused(asked)) return *std::move(answer);
    const auto names = asked.values("annotation-name");
    return asked.answer(spelled_style(style) + (axis == Axis::obs ? "obs" : "var") + spelled(names),
                        [&](const RevisionData& data) {
                            return stroma::explorer::cellxgene_annotations(data, axis, names,
                                                                           style);
                        });
}

Answer cellxgene_get_obs(const Asked& asked) { return annotations(asked, Axis::obs); }
Answer cellxgene_get_var(const Asked& asked) { return annotations(asked, Axis::var); }

Answer get_layout(const Asked& asked) {
    const CellxgeneStyle style = TRY(style_of(asked));
    if (auto answer = refused(asked)) return *std::move(answer);
    const auto names = asked.values("layout-name");
    return asked.answer(spelled_style(style) + "layout" + spelled(names),
                        [&](const RevisionData& data) {
                            return stroma::explorer::cellxgene_layout(data, names, style);
                        });
}

/// Names and values come percent-encoded twice; one layer is off already.
std::string decoded_again(const std::string& text) {
    return http::percent_decode(text, false).value_or(text);
}

Result<std::optional<double>> range_end(std::string_view text) {
    if (text == "*") return std::nullopt;
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
        return fail(ErrorCode::invalid_input,
                    "'" + std::string(text) + "' is no end of a range; use a number or *");
    return value;
}

using Query = std::vector<std::pair<std::string, std::string>>;

/// "var:<column>=<value>" pairs: equal columns are joined by "or", different ones by "and".
/// A value "min,max" of a numeric column is a range.
Result<RowFilter> filter_of_query(const Query& query, const RevisionData& data) {
    RowFilter filter;
    const auto var = TRY(data.sealed->var());
    for (const auto& [name, value] : query) {
        if (name == "method" || name == "key" || name == "nbins") continue;
        const std::string decoded = decoded_again(name);
        if (!decoded.starts_with("var:"))
            return fail(ErrorCode::invalid_input,
                        "'" + name + "' is no filter of genes; write var:<column>=<value>");
        const std::string column = decoded.substr(4), text = decoded_again(value);
        const auto* known = var.find(column);
        const std::size_t comma = text.find(',');
        if (known != nullptr && known->is_numeric() && comma != text.npos) {
            RowFilter::Test test{column, {}, {}, {}};
            test.minimum = TRY(range_end(std::string_view(text).substr(0, comma)));
            test.maximum = TRY(range_end(std::string_view(text).substr(comma + 1)));
            filter.tests.push_back(std::move(test));
            continue;
        }
        auto test = std::find_if(filter.tests.begin(), filter.tests.end(),
                                 [&](const auto& one) { return one.column == column; });
        if (test == filter.tests.end())
            test = filter.tests.insert(test, RowFilter::Test{column, {}, {}, {}});
        test->values.push_back(text);
    }
    return filter;
}

tl::unexpected<Error> bad_filter(const std::string& where, std::string_view what) {
    return fail(api::error_at(ErrorCode::invalid_input, where, what));
}

Result<std::optional<double>> number_in(const Json& test, const char* name,
                                        const std::string& where) {
    if (!test.contains(name)) return std::nullopt;
    if (!test[name].is_number()) return bad_filter(where, "'min' and 'max' must be numbers");
    return test[name].get<double>();
}

Result<RowFilter::Test> test_of(const Json& json, const std::string& where) {
    if (!json.is_object() || !json.contains("name") || !json["name"].is_string())
        return bad_filter(where, "each needs the 'name' of a column");
    RowFilter::Test test{json["name"].get<std::string>(), {}, {}, {}};
    test.minimum = TRY(number_in(json, "min", where));
    test.maximum = TRY(number_in(json, "max", where));
    if (json.contains("values")) {
        if (!json["values"].is_array()) return bad_filter(where, "'values' must be a list");
        for (const Json& value : json["values"])
            test.values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
    }
    if (test.values.empty() && !test.minimum && !test.maximum)
        return bad_filter(where, "each needs 'values', 'min' or 'max'");
    return test;
}

Result<void> add_index(RowFilter& wanted, const Json& list, const std::string& where) {
    wanted.has_index = true;
    for (const Json& one : list) {
        const bool is_range = one.is_array() && one.size() == 2 && one[0].is_number_unsigned() &&
                              one[1].is_number_unsigned();
        if (!is_range && !one.is_number_unsigned())
            return bad_filter(where, "numbers or [start, end) are needed");
        const auto first = (is_range ? one[0] : one).get<std::uint64_t>();
        wanted.index.emplace_back(first, is_range ? one[1].get<std::uint64_t>() : first + 1);
    }
    return {};
}

/// The filter below `where` that chooses rows of one axis.
Result<RowFilter> filter_of_json(const Json& body, const std::string& axis,
                                 const std::string& where) {
    const Json* filter = body.contains("filter") ? &body["filter"] : nullptr;
    if (filter == nullptr || !filter->is_object())
        return bad_filter(where + "/filter", "it is missing");
    for (const auto& [name, ignored] : filter->items())
        if (name != axis)
            return bad_filter(where + "/filter",
                              fmt::format("only '{}' can be filtered here", axis));
    RowFilter wanted;
    if (!filter->contains(axis)) return wanted;
    const std::string below = fmt::format("{}/filter/{}", where, axis);
    const Json& rows = (*filter)[axis];
    if (!rows.is_object()) return bad_filter(below, "it must be an object");
    for (const auto& [kind, list] : rows.items()) {
        const std::string here = fmt::format("{}/{}", below, kind);
        if (!list.is_array()) return bad_filter(here, "it must be a list");
        if (kind == "annotation_value")
            for (const Json& test : list) wanted.tests.push_back(TRY(test_of(test, here)));
        else if (kind == "index")
            TRY(add_index(wanted, list, here));
        else
            return bad_filter(below, "there is no filter '" + kind + "'");
    }
    return wanted;
}

Answer genes(const Asked& asked, const RevisionData& data, const RowFilter& filter) {
    const CellxgeneStyle style = TRY(style_of(asked));
    const auto found = TRY(stroma::explorer::rows_matching(data, Axis::var, filter));
    if (found.size() > stroma::explorer::cellxgene_columns_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} genes are more than column_request_max ({})", found.size(),
                                stroma::explorer::cellxgene_columns_max));
    return asked.answer(spelled_style(style) + "X" + spelled(found), [&](const RevisionData& of) {
        return stroma::explorer::cellxgene_genes(of, found, style);
    });
}

Answer get_data(const Asked& asked) {
    TRY(style_of(asked));
    if (auto answer = refused(asked)) return *std::move(answer);
    const auto data = TRY(asked.domain.explorer.open(asked.revision));
    const RowFilter filter = TRY(filter_of_query(asked.request.query, *data));
    return genes(asked, *data, filter);
}

Answer put_data(const Asked& asked) {
    TRY(style_of(asked));
    if (auto answer = refused(asked)) return *std::move(answer);
    const Json body = TRY(api::json_body(asked.request));
    const auto data = TRY(asked.domain.explorer.open(asked.revision));
    const RowFilter filter = TRY(filter_of_json(body, "var", ""));
    return genes(asked, *data, filter);
}

Answer summary(const Asked& asked, const Query& query, const std::string& name) {
    const CellxgeneStyle style = TRY(style_of(asked));
    for (const auto& [key, value] : query)
        if (key == "method" && value != "mean")
            return fail(ErrorCode::invalid_input,
                        "there is no method '" + value + "'; there is mean");
    const auto data = TRY(asked.domain.explorer.open(asked.revision));
    const RowFilter filter = TRY(filter_of_query(query, *data));
    const auto found = TRY(stroma::explorer::rows_matching(*data, Axis::var, filter));
    return asked.answer(spelled_style(style) + "mean/" + name + spelled(found),
                        [&](const RevisionData& of) {
                            return stroma::explorer::cellxgene_mean(of, found, name, style);
                        });
}

std::string sha1_hex(std::string_view text) {
    Digest digest(DigestKind::sha1);
    digest.update(text);
    return digest.hex();
}

Answer cellxgene_get_summary(const Asked& asked) {
    if (auto answer = refused(asked)) return *std::move(answer);
    const std::string& target = asked.request.target;
    const std::size_t mark = target.find('?');
    return summary(asked, asked.request.query,
                   sha1_hex(mark == target.npos ? "" : target.substr(mark + 1)));
}

Answer post_summary(const Asked& asked) {
    if (auto answer = refused(asked)) return *std::move(answer);
    const auto type = asked.request.header("content-type").value_or("");
    if (type.find("application/x-www-form-urlencoded") == type.npos)
        return problem_response(
            asked.request, 415,
            {ErrorCode::invalid_input, "the body must be application/x-www-form-urlencoded"});
    auto body = asked.request.text_body(form_bytes_max);
    if (!body && body.error().code == ErrorCode::exhausted)
        return problem_response(asked.request, 413, body.error());
    const std::string text = TRY(std::move(body));
    const std::string name = sha1_hex(text);
    const auto key = asked.request.query_value("key");
    if (key && *key != name)
        return fail(ErrorCode::invalid_input, "'key' is not the SHA-1 of the body: " + name);
    const auto query = http::parse_query(text);
    if (!query) return fail(ErrorCode::invalid_input, "the body isn't percent-encoded pairs");
    return summary(asked, *query, name);
}

Answer get_gene_sets(const Asked& asked) {
    TRY(style_of(asked));
    if (!accepts(asked.request, "application/json") && accepts(asked.request, "text/csv")) {
        auto response = asked.text_answer(
            "gene_set_name,gene_set_description,gene_symbol,gene_description\n", "text/csv");
        response.headers.emplace_back("Content-Disposition",
                                      "attachment; filename=\"genesets.csv\"");
        return response;
    }
    return asked.text_answer(R"({"genesets":[],"tid":0})", "application/json");
}

Result<RowFilter> set_of(const Json& body, const char* name) {
    if (!body.contains(name) || !body[name].is_object())
        return bad_filter(fmt::format("/{}", name), "it is missing");
    return filter_of_json(body[name], "obs", fmt::format("/{}", name));
}

Answer compare(const Asked& asked) {
    TRY(style_of(asked));
    const Json body = TRY(api::json_body(asked.request, compare_bytes_max));
    const auto data = TRY(asked.domain.explorer.open(asked.revision));
    if (body.value("mode", Json()) != "topN")
        return fail(ErrorCode::unsupported, "the only 'mode' of a comparison here is topN");
    if (!body.contains("count") || !body["count"].is_number_unsigned() || body["count"] == 0 ||
        body["count"].get<std::uint64_t>() > genes_told_max)
        return bad_filter("/count", fmt::format("how many genes to tell, 1 to {}", genes_told_max));
    const RowFilter a = TRY(set_of(body, "set1")), b = TRY(set_of(body, "set2"));
    const expression::Watch watch{{}, [&] { return asked.request.left.stop_requested(); }};
    auto made = TRY(stroma::explorer::cellxgene_comparison(
        *data, a, b, body["count"].get<std::uint32_t>(), watch));
    return asked.text_answer(std::move(made.bytes), made.media_type);
}

}  // namespace

std::vector<ExplorerRoute> cellxgene_routes() {
    return {{"GET", "/d/{revision}/api/{version}/schema", cellxgene_get_schema},
            {"GET", "/d/{revision}/api/{version}/config", get_config},
            {"GET", "/d/{revision}/api/{version}/colors", cellxgene_get_colors},
            {"GET", "/d/{revision}/api/{version}/annotations/obs", cellxgene_get_obs},
            {"GET", "/d/{revision}/api/{version}/annotations/var", cellxgene_get_var},
            {"GET", "/d/{revision}/api/{version}/layout/obs", get_layout},
            {"GET", "/d/{revision}/api/{version}/data/var", get_data},
            {"PUT", "/d/{revision}/api/{version}/data/var", put_data},
            {"GET", "/d/{revision}/api/{version}/summarize/var", cellxgene_get_summary},
            {"POST", "/d/{revision}/api/{version}/summarize/var", post_summary},
            {"GET", "/d/{revision}/api/{version}/genesets", get_gene_sets},
            {"POST", "/d/{revision}/api/{version}/diffexp/obs", compare}};
}

}  // namespace stroma::front::explorer
