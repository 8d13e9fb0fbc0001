#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "front/api/api.h"
#include "front/api/api_errors.h"
#include "front/api/signature_memory.h"

// What the route files of this folder share. A handler decodes, asks the domain, encodes.

namespace stroma::front::api {

struct ApiContext {
    ApiDomain domain;
    ApiOptions options;
    SignatureMemory signatures;
};

using ApiHandler = Result<http::Response> (*)(ApiContext&, http::Request&);

struct ApiRoute {
    const char* method;
    const char* pattern;
    ApiHandler handler;
    http::RunsOn runs_on = http::RunsOn::pool;
};

std::vector<ApiRoute> site_routes();
std::vector<ApiRoute> catalogue_routes();
std::vector<ApiRoute> matrix_routes();
std::vector<ApiRoute> citation_routes();
std::vector<ApiRoute> sql_routes();
std::vector<ApiRoute> dataset_routes();
std::vector<ApiRoute> upload_routes();
std::vector<ApiRoute> job_routes();
std::vector<ApiRoute> notification_routes();
std::vector<ApiRoute> access_routes();
std::vector<ApiRoute> all_routes();

/// not_found, in the same words whether the thing is absent or hidden.
tl::unexpected<Error> absent(catalog::ThingKind kind, std::string_view id);

/// Asks the one decision. What the principal may not read looks absent; what they may read but not
/// change is denied.
Result<void> allow(ApiContext& api, const http::Request& request, catalog::Action action,
                   const catalog::Thing& thing);

/// The body as one JSON object of at most `bytes_max` bytes.
Result<nlohmann::ordered_json> json_body(const http::Request& request,
                                         std::uint64_t bytes_max = 8u << 20);
http::Response json_answer(int status, const nlohmann::ordered_json& json);
/// The header of a file's checksum, in hexadecimal digits.
constexpr const char* sha256_header = "X-Checksum-Sha256";
/// The Content-Disposition that names a download.
std::string disposition_of(const std::string& name);
http::Response file_answer(const StoredFile& file);
/// The file; 202 with the job's progress while it is made; 409 when it could not be.
http::Response cited_answer(const http::Request& request, const CitedResult& cited);

/// "http://host" of this server, as the client knows it.
std::string base_url(const ApiContext& api, const http::Request& request);
/// "2026-11-21T08:50:55.123Z", or null for 0.
nlohmann::ordered_json time_json(std::int64_t unix_ms);

nlohmann::ordered_json principal_json(const catalog::Principal& principal);
nlohmann::ordered_json token_json(const catalog::Token& token);

/// A whole number in a query's value; `fallback` when it isn't there.
Result<std::int64_t> query_integer(const http::Request& request, std::string_view name,
                                   std::int64_t fallback);
Result<catalog::Visibility> visibility_named(std::string_view name);
std::string_view name_of_visibility(catalog::Visibility visibility);

}  // namespace stroma::front::api
