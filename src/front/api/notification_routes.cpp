#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "front/api/api_routes.h"
#include "front/api/http_signature.h"
#include "front/api/json_fields.h"

// POST /dss/notification: the data store says that a bundle was made or deleted. Its signature is
// its authorisation. It is queued durably before it is answered.

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;
constexpr std::uint64_t body_bytes_max = 1u << 20;

Counter& notifications(const char* outcome) {
    return counter("stroma_notifications_total", "Bundle notifications by what became of them",
                   {{"outcome", outcome}});
}

Result<BundleEvent> event_of(const Json& body) {
    // The payload is the data store's to extend, so members that we don't know are read over.
    JsonFields fields(body);
    BundleEvent event;
    event.type = TRY(fields.text("event_type"));
    event.subscription = TRY(fields.text_or("subscription_id", ""));
    event.transaction = TRY(fields.text_or("transaction_id", ""));
    event.bundle_url = TRY(fields.text_or("bundle_url", ""));
    const Json* match = fields.find("match");
    if (match == nullptr || !match->is_object())
        return fail(error_at(ErrorCode::invalid_input, "/match", "'match' must name the bundle"));
    JsonFields matched(*match);
    auto uuid = matched.text("bundle_uuid");
    auto version = matched.text("bundle_version");
    if (!uuid) return fail(with_pointer_below("/match", uuid.error()));
    if (!version) return fail(with_pointer_below("/match", version.error()));
    event.bundle_uuid = *uuid;
    event.bundle_version = *version;
    return event;
}

Result<std::string> verified_signature(ApiContext& api, http::Request& request,
                                       std::string_view body) {
    const HttpSignature signature = TRY(read_signature(request));
    const auto key = TRY(api.domain.imports.notification_key(signature.key_id));
    TRY(verify_signature(signature, request, body, key.value_or(""), api.domain.site.clock(),
                         api.options.signature_skew_max));
    return signature.signature;
}

Answer notify(ApiContext& api, http::Request& request) {
    const std::string text = TRY(request.text_body(body_bytes_max));
    const auto signature = verified_signature(api, request, text);
    if (!signature) {
        if (signature.error().code != ErrorCode::denied) return fail(signature.error());
        notifications("refused").add();
        log(LogLevel::warning, "a notification was refused",
            {{"request", request.id},
             {"client", request.client},
             {"why", signature.error().message}});
        return error_response(request, 401, signature.error());
    }
    const Json body = TRY_WITH(parse_json(text), "the notification");
    if (!body.is_object())
        return fail(ErrorCode::invalid_input, "the notification must be a JSON object");
    const BundleEvent event = TRY(event_of(body));
    const std::string answer = "Received notification from subscription " + event.subscription;
    const std::int64_t now_ms = api.domain.site.clock().unix_ms();
    // A date may lie ahead as far as behind, so a signature stays good for twice the skew.
    if (!api.signatures.remember(*signature, now_ms, 2 * api.options.signature_skew_max.count())) {
        notifications("repeated").add();
        return http::text_response(200, answer);
    }
    const auto queued = api.domain.imports.notify(event);
    if (!queued) {
        api.signatures.forget(*signature);
        return fail(queued.error());
    }
    notifications("queued").add();
    return http::text_response(200, answer);
}

}  // namespace

std::vector<ApiRoute> notification_routes() { return {{"POST", "/dss/notification", notify}}; }

}  // namespace stroma::front::api
