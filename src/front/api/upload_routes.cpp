#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/job_json.h"
#include "front/api/json_fields.h"

// A file comes in pieces (announce, PUT from an offset, ask for the offset after a break), then is
// imported by a job.

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;

Json upload_json(const Upload& upload) {
    return Json{{"id", upload.id},
                {"name", upload.name},
                {"size", upload.size_bytes},
                {"offset", upload.received_bytes},
                {"complete", upload.complete()},
                {"created", time_json(upload.created_ms)},
                {"expires", time_json(upload.expires_ms)}};
}

http::Response upload_answer(int status, const Upload& upload) {
    http::Response response = json_answer(status, upload_json(upload));
    response.headers.emplace_back("Upload-Offset", std::to_string(upload.received_bytes));
    response.headers.emplace_back("Upload-Length", std::to_string(upload.size_bytes));
    return response;
}

Result<Upload> find_allowed_upload(ApiContext& api, http::Request& request, Action action) {
    const std::string& id = request.parameters["upload"];
    auto found = TRY(api.domain.imports.find_upload(id));
    if (!found) return absent(ThingKind::upload, id);
    TRY(allow(api, request, action, {ThingKind::upload, found->id, found->owner}));
    return std::move(*found);
}

Answer create_upload(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, Action::create, {ThingKind::upload, "", ""}));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    const std::string name = TRY(fields.text("name"));
    const std::int64_t size = TRY(fields.integer_or("size", -1));
    TRY(fields.finish());
    if (size < 0)
        return fail(
            error_at(ErrorCode::invalid_input, "/size", "'size' must be the file's size in bytes"));
    const bool is_plain = !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
                          name.find_first_of("/\\") == name.npos &&
                          std::all_of(name.begin(), name.end(), [](char c) {
                              return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
                          });
    if (!is_plain)
        return fail(error_at(ErrorCode::invalid_input, "/name",
                             "'name' must be a file's name, without folders"));
    const auto upload =
        api.domain.imports.create_upload(request.principal, name, static_cast<std::uint64_t>(size));
    if (!upload && upload.error().code == ErrorCode::exhausted)
        return error_response(request, upload.error().message.starts_with("at /size") ? 413 : 507,
                              upload.error());
    if (!upload) return fail(upload.error());
    http::Response response = upload_answer(201, *upload);
    response.headers.emplace_back("Location", "/v1/uploads/" + upload->id);
    return response;
}

Answer get_upload(ApiContext& api, http::Request& request) {
    return upload_answer(200, TRY(find_allowed_upload(api, request, Action::read)));
}

/// Where a PUT's bytes begin: by "Content-Range: bytes 100-199/500", or at 0 without one.
Result<std::uint64_t> offset_of(const http::Request& request, const Upload& upload) {
    const auto header = request.header("content-range");
    if (!header) return std::uint64_t{0};
    std::uint64_t first = 0, last = 0, total = 0;
    const char* at = header->data();
    const char* const end = at + header->size();
    const auto number = [&](std::uint64_t& value, char before) {
        if (before != '\0') {
            if (at == end || *at != before) return false;
            ++at;
        }
        const auto parsed = std::from_chars(at, end, value);
        if (parsed.ec != std::errc()) return false;
        at = parsed.ptr;
        return true;
    };
    if (header->starts_with("bytes "))
        at += 6;
    else
        at = end;
    const bool valid = number(first, '\0') && number(last, '-') && number(total, '/') && at == end;
    if (!valid || last < first || last >= total || total != upload.size_bytes)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("Content-Range must be 'bytes <first>-<last>/{}'", upload.size_bytes));
    const auto length = request.header("content-length");
    if (length && *length != fmt::to_string(last - first + 1))
        return fail(ErrorCode::invalid_input, "Content-Range and Content-Length differ");
    return first;
}

Answer put_upload(ApiContext& api, http::Request& request) {
    const Upload upload = TRY(find_allowed_upload(api, request, Action::change));
    const std::uint64_t offset = TRY(offset_of(request, upload));
    http::BodyReader* body = request.body;
    auto appended = api.domain.imports.append(upload.id, offset, [body] { return body->read(); });
    if (!appended && appended.error().code == ErrorCode::exhausted)
        return error_response(request, 413, appended.error());
    return upload_answer(200, TRY(std::move(appended)));
}

Answer delete_upload(ApiContext& api, http::Request& request) {
    const Upload upload = TRY(find_allowed_upload(api, request, Action::remove));
    TRY(api.domain.imports.remove_upload(upload.id));
    http::Response response;
    response.status = 204;
    return response;
}

/// A result that the asker asked for, or that nobody owns, and that is there.
Result<void> check_result(ApiContext& api, const http::Request& request, const std::string& id) {
    const auto result = TRY(api.domain.matrices.find(id));
    if (!result) return absent(ThingKind::matrix_request, id);
    TRY(allow(api, request, Action::read, {ThingKind::matrix_request, id, result->owner}));
    if (result->state == matrix::RequestState::complete && !result->object_key.empty()) return {};
    return fail(ErrorCode::conflict,
                "the result isn't there: it is being made, has expired, or holds no cell");
}

Result<void> check_source(ApiContext& api, const http::Request& request, const ImportOrder& order) {
    if (!order.upload.empty() + !order.path.empty() + !order.url.empty() + !order.result.empty() !=
        1)
        return fail(ErrorCode::invalid_input,
                    "exactly one of 'upload', 'url', 'result' and 'path' must say what is "
                    "imported");
    if (!order.result.empty()) return check_result(api, request, order.result);
    if (!order.url.empty()) return {};  // whom it may reach is asked when it is connected to
    if (!order.path.empty()) return allow(api, request, Action::administer, {});
    const auto upload = TRY(api.domain.imports.find_upload(order.upload));
    if (!upload) return absent(ThingKind::upload, order.upload);
    TRY(allow(api, request, Action::read, {ThingKind::upload, upload->id, upload->owner}));
    if (!upload->complete())
        return fail(ErrorCode::conflict,
                    fmt::format("the upload has {} of {} bytes; send the rest first",
                                upload->received_bytes, upload->size_bytes));
    return {};
}

/// The dataset is one that the principal may change.
Result<ImportOrder::Image> image_in(ApiContext& api, const http::Request& request,
                                    const Json& json) {
    JsonFields fields(json);
    ImportOrder::Image image;
    image.of = TRY(fields.text("of"));
    image.name = TRY(fields.text_or("name", ""));
    image.embedding = TRY(fields.text_or("embedding", image.embedding));
    image.are_labels = TRY(fields.boolean_or("labels", false));
    image.cell_column = TRY(fields.text_or("cell_column", ""));
    if (const Json* transform = fields.find("transform")) image.transform = transform->dump();
    TRY(fields.finish());
    const auto dataset = TRY(api.domain.datasets.find_dataset(image.of));
    if (!dataset) return absent(ThingKind::dataset, image.of);
    const auto allowed =
        allow(api, request, Action::change, {ThingKind::dataset, dataset->id, dataset->owner});
    if (!allowed && allowed.error().code == ErrorCode::not_found)
        return absent(ThingKind::dataset, image.of);
    TRY(allowed);
    return image;
}

Answer post_import(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, Action::create, {ThingKind::dataset, "", ""}));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    ImportOrder order;
    order.upload = TRY(fields.text_or("upload", ""));
    order.path = TRY(fields.text_or("path", ""));
    order.url = TRY(fields.text_or("url", ""));
    order.result = TRY(fields.text_or("result", ""));
    order.profile = TRY(fields.text_or("profile", ""));
    order.require_valid = TRY(fields.boolean_or("require_valid", false));
    order.dataset = TRY(fields.text_or("dataset", ""));
    order.title = TRY(fields.text_or("title", ""));
    const std::string collection = TRY(fields.text_or("collection", ""));
    order.orientation = TRY(fields.text_or("orientation", ""));
    order.make_ids_unique = TRY(fields.boolean_or("make_ids_unique", false));
    order.sum_duplicates = TRY(fields.boolean_or("sum_duplicates", false));
    if (const Json* image = fields.find("image")) order.image = TRY(image_in(api, request, *image));
    const std::string visible = TRY(fields.text_or("visibility", "private"));
    order.visibility = TRY(visibility_named(visible));
    order.idempotency_key = request.header("idempotency-key").value_or("");
    TRY(fields.finish());
    if (!order.orientation.empty() && order.orientation != "cells-are-rows" &&
        order.orientation != "cells-are-columns")
        return fail(error_at(ErrorCode::invalid_input, "/orientation",
                             "'orientation' must be \"cells-are-rows\" or "
                             "\"cells-are-columns\""));
    order.collection = TRY(collection_to_fill(api, request, collection));
    TRY(check_source(api, request, order));
    if (!order.dataset.empty()) {
        // A new revision of a dataset that is there is a change of it.
        const auto dataset = TRY(api.domain.datasets.find_dataset(order.dataset));
        if (dataset)
            TRY(allow(api, request, Action::change,
                      {ThingKind::dataset, dataset->id, dataset->owner}));
    }
    const pipeline::Job job = TRY(api.domain.imports.import(request.principal, order));
    http::Response response = json_answer(202, job_json(job));
    response.headers.emplace_back("Location", "/v1/jobs/" + job.id);
    return response;
}

}  // namespace

std::vector<ApiRoute> upload_routes() {
    return {{"POST", "/v1/uploads", create_upload},
            {"GET", "/v1/uploads/{upload}", get_upload},
            {"PUT", "/v1/uploads/{upload}", put_upload},
            {"DELETE", "/v1/uploads/{upload}", delete_upload},
            {"POST", "/v1/imports", post_import}};
}

}  // namespace stroma::front::api
