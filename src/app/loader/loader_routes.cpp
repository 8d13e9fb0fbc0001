#include "app/loader/loader_service.h"
#include "base/json.h"

namespace stroma::app {
namespace {

using front::http::Request;
using front::http::Response;

using LoaderOperation = std::function<Result<std::string>(loader::Loader&, Request&)>;

front::http::Handler only_local_loader(loader::Loader* loader, LoaderOperation operation) {
    return [loader, operation = std::move(operation)](Request& request) -> Response {
        if (request.principal.id != catalog::local_administrator().id)
            return front::http::json_response(404,
                                              R"({"code":"not_found","message":"no such page"})");
        const auto answer =
            loader == nullptr
                ? Result<std::string>(fail(ErrorCode::unavailable,
                                           "the server has no AWS port, so it loads nothing; start "
                                           "it with --aws 127.0.0.1:4566"))
                : operation(*loader, request);
        if (answer) return front::http::json_response(200, *answer);
        const Json problem = {{"code", name_of(answer.error().code)},
                              {"message", answer.error().message}};
        return front::http::json_response(400, problem.dump());
    };
}

}  // namespace

std::vector<front::http::Route> loader_routes(loader::Loader* loader, AwsServer* aws) {
    const auto with = [loader](LoaderOperation operation) {
        return only_local_loader(loader, std::move(operation));
    };
    return {{"GET", "/internal/loader",
             with([aws](loader::Loader& it, Request&) { return loader_status_json(it, *aws); })},
            {"POST", "/internal/loader/configs",
             with([](loader::Loader& it, Request& request) -> Result<std::string> {
                 const std::string body = TRY(request.text_body());
                 const Json json = TRY(parse_json(body));
                 TRY(it.give_config(json.value("name", ""), json.value("document", "")));
                 return std::string("{}");
             })},
            {"DELETE", "/internal/loader/configs/{name}",
             with([](loader::Loader& it, Request& request) -> Result<std::string> {
                 TRY(it.take_config(request.parameters["name"]));
                 return std::string("{}");
             })},
            {"GET", "/internal/loader/bulk",
             with([](loader::Loader& it, Request&) { return bulk_json(it, ""); })},
            {"POST", "/internal/loader/bulk",
             with([](loader::Loader& it, Request& request) -> Result<std::string> {
                 const std::string body = TRY(request.text_body());
                 return bulk_json(it, TRY(it.begin_bulk(body)));
             })},
            {"GET", "/internal/loader/bulk/{id}", with([](loader::Loader& it, Request& request) {
                 return bulk_json(it, request.parameters["id"]);
             })},
            {"DELETE", "/internal/loader/bulk/{id}",
             with([](loader::Loader& it, Request& request) -> Result<std::string> {
                 TRY(it.cancel_bulk(request.parameters["id"]));
                 return std::string("{}");
             })},
            {"POST", "/internal/loader/reconcile",
             with([](loader::Loader& it, Request& request) -> Result<std::string> {
                 const std::string body = TRY(request.text_body());
                 return reconcile_json(it, body);
             })}};
}

}  // namespace stroma::app
