#include "base/json.h"
#include "front/api/api_routes.h"

// What can be asked of the matrix service: filters, fields, formats, features.

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;

Answer field_names(ApiContext& api, http::Request&) {
    return json_answer(200, Json(api.domain.matrices.field_names()));
}

Answer field_named(ApiContext& api, const http::Request& request, const std::string& name) {
    const auto found = TRY(api.domain.matrices.field(request.principal, name));
    if (!found) return fail(ErrorCode::not_found, "there is no filter or field '" + name + "'");
    Json json;
    json["field_name"] = found->name;
    json["field_description"] = found->description;
    json["field_type"] = found->numeric ? "numeric" : "categorical";
    if (found->numeric) {
        json["minimum"] = found->minimum;
        json["maximum"] = found->maximum;
    } else {
        json["cell_counts"] = Json::object();
        for (const auto& [value, count] : found->cell_counts) json["cell_counts"][value] = count;
    }
    return json_answer(200, json);
}

Answer filter_detail(ApiContext& api, http::Request& request) {
    return field_named(api, request, request.parameters["filter_name"]);
}

Answer field_detail(ApiContext& api, http::Request& request) {
    return field_named(api, request, request.parameters["field_name"]);
}

Json names_of(const std::vector<NamedText>& all) {
    Json names = Json::array();
    for (const NamedText& one : all) names.push_back(one.name);
    return names;
}

Result<NamedText> named(const std::vector<NamedText>& all, std::string_view kind,
                        const std::string& name) {
    for (const NamedText& one : all)
        if (one.name == name) return one;
    return fail(ErrorCode::not_found, "there is no " + std::string(kind) + " '" + name + "'");
}

Answer formats(ApiContext& api, http::Request&) {
    return json_answer(200, names_of(api.domain.matrices.formats()));
}

Answer format(ApiContext& api, http::Request& request) {
    const NamedText found =
        TRY(named(api.domain.matrices.formats(), "format", request.parameters["format_name"]));
    return json_answer(200, Json(found.text));
}

Answer features(ApiContext& api, http::Request&) {
    return json_answer(200, names_of(api.domain.matrices.features()));
}

Answer feature(ApiContext& api, http::Request& request) {
    const NamedText found =
        TRY(named(api.domain.matrices.features(), "feature", request.parameters["feature_name"]));
    return json_answer(200, Json{{"feature", found.name}, {"feature_description", found.text}});
}

}  // namespace

std::vector<ApiRoute> catalogue_routes() {
    // The parts' names are those that clients of the old service give as arguments.
    return {
        {"GET", "/v1/filters", field_names},   {"GET", "/v1/filters/{filter_name}", filter_detail},
        {"GET", "/v1/fields", field_names},    {"GET", "/v1/fields/{field_name}", field_detail},
        {"GET", "/v1/formats", formats},       {"GET", "/v1/formats/{format_name}", format},
        {"GET", "/v1/features", features},     {"GET", "/v1/features/{feature_name}", feature},
        {"GET", "/v0/matrix/formats", formats}};
}

}  // namespace stroma::front::api
