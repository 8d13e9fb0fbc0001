#include "front/aws/port.h"

#include <algorithm>

#include "base/digest.h"
#include "base/metrics.h"
#include "front/aws/answer.h"
#include "front/aws/nameless.h"
#include "front/http/url.h"

namespace stroma::front::aws {
namespace {

constexpr std::uint64_t form_bytes_max = 4u << 20;

std::string media_type_of(const http::Request& request) {
    const std::string type = request.header("content-type").value_or("");
    return http::lower_case(http::trimmed(std::string_view(type).substr(0, type.find(';'))));
}

bool is_kinesis(const Service* service) {
    return service != nullptr && service->name() == "kinesis";
}

/// Who says nothing to Kinesis, or to nobody, speaks CBOR.
Wire wire_of(std::string_view media_type, const Service* service) {
    if (media_type == "application/x-amz-json-1.0") return Wire::json_1_0;
    if (media_type == "application/x-amz-cbor-1.1") return Wire::cbor_1_1;
    if (media_type.empty() && (service == nullptr || is_kinesis(service))) return Wire::cbor_1_1;
    return Wire::json_1_1;
}

bool is_member_wire(Wire wire) { return wire == Wire::json_1_1 || wire == Wire::cbor_1_1; }

void count_call(std::string_view service, int status) {
    counter("stroma_aws_calls_total", "Calls of AWS-compatible services answered",
            {{"service", std::string(service)}, {"status", std::to_string(status)}})
        .add();
}

const std::string* member_of(const std::vector<std::pair<std::string, std::string>>& form,
                             std::string_view name) {
    for (const auto& [key, value] : form)
        if (key == name) return &value;
    return nullptr;
}

/// Parts of a signature in the query, but not its kind, are none to a service.
Trust<Claim> claim_of_call(const http::Request& request) {
    auto claim = read_claim(request);
    if (!claim && claim.error().why == Distrust::Why::incomplete &&
        !request.header("authorization") && !request.query_value("X-Amz-Algorithm"))
        return tl::unexpected<Distrust>(Distrust{Distrust::Why::missing, ""});
    return claim;
}

bool is_empty(const http::Request& request) {
    return !request.header("transfer-encoding") &&
           request.header("content-length").value_or("0") == "0";
}

std::string_view without_port(std::string_view host) {
    const std::size_t colon = host.rfind(':');
    return colon == host.npos || host.ends_with(']') ? host : host.substr(0, colon);
}

/// "/000000000000/name".
bool is_queue_path(std::string_view path) {
    constexpr std::size_t digits = 12;
    return path.size() > digits + 2 && path.front() == '/' && path[digits + 1] == '/' &&
           path.substr(1, digits).find_first_not_of("0123456789") == path.npos &&
           path.find('/', digits + 2) == path.npos;
}

/// The service whose forms have that version; an address of a queue needs none to be understood.
Service* service_of_form(const std::vector<Service*>& services, const std::string* version,
                         std::string_view path) {
    const bool is_of_queue = version == nullptr && is_queue_path(path);
    for (Service* const service : services)
        if (is_of_queue
                ? service->name() == "sqs"
                : version != nullptr && !version->empty() && service->query_version() == *version)
            return service;
    return nullptr;
}

}  // namespace

TemporaryKeys::Issued TemporaryKeys::issue(const catalog::Principal& principal,
                                           Milliseconds length) {
    const std::string name = ids_.secret(10);
    Issued issued{"ASIA", ids_.secret(20), ids_.secret(48), clock_.unix_ms() + length.count()};
    for (const char c : name.substr(0, 16)) issued.id += static_cast<char>(std::toupper(c));
    const std::lock_guard lock(mutex_);
    std::erase_if(kept_, [now = clock_.unix_ms()](const auto& kept) {
        return kept.second.expires_ms <= now;
    });
    kept_[issued.id] = {{issued.secret, principal, issued.token}, issued.expires_ms};
    return issued;
}

std::optional<KnownKey> TemporaryKeys::find(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto kept = kept_.find(id);
    if (kept == kept_.end() || kept->second.expires_ms <= clock_.unix_ms()) return std::nullopt;
    return kept->second.key;
}

/// What a request asks of a service that isn't S3.
struct Port::Asked {
    Service* service = nullptr;  ///< null: nobody has that name
    Wire wire = Wire::json_1_1;
    std::string operation;
    bool has_form = false;  ///< read it to learn the operation
    std::vector<std::pair<std::string, std::string>> form;
};

Port::Port(PortOptions options, FindKey find_key, const Clock& clock, IdSource& ids)
    : options_(std::move(options)),
      find_key_(std::move(find_key)),
      clock_(clock),
      ids_(ids),
      temporary_(clock, ids) {}
Port::~Port() = default;

void Port::set_rest(Rest rest, RestError error) {
    rest_ = std::move(rest);
    rest_error_ = std::move(error);
}

std::vector<http::Route> Port::routes() {
    return {{"*", "*", [this](http::Request& request) { return handle(request); }}};
}

Service* Port::service_with_prefix(std::string_view prefix) const {
    for (Service* const service : services_)
        if (service->target_prefix() == prefix) return service;
    return nullptr;
}

std::optional<Port::Asked> Port::service_asked(http::Request& request, const Claim* claim) const {
    Asked asked;
    const std::string media_type = media_type_of(request);
    if (const auto target = request.header("x-amz-target"); target && request.method == "POST") {
        const std::size_t dot = target->find('.');
        asked.service = service_with_prefix(std::string_view(*target).substr(0, dot));
        asked.wire = wire_of(media_type, asked.service);
        asked.operation = dot == target->npos ? "" : target->substr(dot + 1);
        return asked;
    }
    const bool is_s3 = claim != nullptr && claim->service == "s3";
    const bool posts_form =
        request.method == "POST" && media_type == "application/x-www-form-urlencoded";
    const bool asks_in_url = !is_s3 && request.query_value("Action").has_value();
    if ((!posts_form || is_s3) && !asks_in_url) return std::nullopt;
    asked.wire = Wire::query;
    asked.has_form = posts_form;
    if (asks_in_url) asked.form = request.query;
    const std::string_view named = claim != nullptr ? std::string_view(claim->service) : "";
    for (Service* const service : services_)
        if (!service->query_version().empty() && service->name() == named) asked.service = service;
    return asked;
}

Result<std::optional<KnownKey>> Port::find_key(std::string_view id) {
    if (auto issued = temporary_.find(id)) return issued;
    return find_key_(id);
}

Trust<catalog::Principal> Port::principal_of(const http::Request& request, const Claim& claim,
                                             std::string_view body_sha256, Bytes* key_of_chunks) {
    if (options_.any_credentials) {
        catalog::Principal local = catalog::local_administrator();
        local.asking = {"key", claim.key_id, request.client, request.method + " " + request.path,
                        request.id};
        return local;
    }
    if (claim.kind == Claim::Kind::none)
        return tl::unexpected<Distrust>(Distrust{Distrust::Why::missing, ""});
    auto known = find_key(claim.key_id);
    std::optional<KnownKey> key = known ? *std::move(known) : std::nullopt;
    if (!key || key->principal.disabled)
        return tl::unexpected<Distrust>(Distrust{Distrust::Why::unknown_key, ""});
    const auto checked =
        check_claim(request, claim, *key, body_sha256,
                    {.now_ms = clock_.unix_ms(), .bucket_of_host = bucket_of_host(request)});
    if (!checked) return tl::unexpected<Distrust>(checked.error());
    if (key_of_chunks != nullptr) *key_of_chunks = signing_key(key->secret, claim);
    key->principal.asking = {"key", claim.key_id, request.client,
                             request.method + " " + request.path, request.id};
    return key->principal;
}

http::Response Port::handle(http::Request& request) {
    const auto claim = read_claim(request);
    auto asked = service_asked(request, claim ? &*claim : nullptr);
    // Who signs for queues and names no action doesn't mean a bucket.
    if (!asked && claim && claim->service == "sqs" && is_queue_path(request.path))
        return unknown_operation_answer(ids_.uuid());
    if (!asked && !is_nameless(request, claim)) return call_rest(request);
    // Where any key will do, a page from anywhere could do anything: no browser is let in.
    const bool from_page = request.header("origin").has_value() && !options_.any_credentials;
    const std::string id = ids_.uuid();
    if (!asked && request.method == "OPTIONS") return preflight_answer(request, id);
    http::Response response =
        asked ? call_service(request, *asked)
              : nameless_answer(request, media_type_of(request), !is_empty(request), claim, id);
    if (from_page) let_browsers_read(response);
    return response;
}

/// A request for a service of ours that says neither what nor, by its bucket, that it is S3's.
bool Port::is_nameless(const http::Request& request, const Trust<Claim>& claim) const {
    if (!bucket_of_host(request).empty() || (claim && claim->service == "s3")) return false;
    const bool at_root = request.path == "/";
    if (request.method == "OPTIONS")
        return at_root && request.header("origin").has_value() && !options_.any_credentials;
    if (request.method == "POST")
        return at_root && !media_type_of(request).starts_with("multipart/");
    if (!claim || claim->kind == Claim::Kind::none) return false;
    return std::any_of(services_.begin(), services_.end(), [&](const Service* service) {
        return claim->service.empty() || (claim->service == service->name() && is_kinesis(service));
    });
}

http::Response Port::call_service(http::Request& request, Asked& asked) {
    const std::string request_id = ids_.uuid();
    const auto refused = [&](const Fault& fault) {
        count_call(asked.service != nullptr ? asked.service->name() : "none", fault.status);
        return fault_answer(asked.wire, fault, request_id,
                            asked.service != nullptr ? asked.service->xml_namespace() : "");
    };
    const std::uint64_t bytes_max = asked.has_form || asked.service == nullptr
                                        ? form_bytes_max
                                        : asked.service->body_bytes_max();
    const auto body = request.text_body(bytes_max);
    if (!body)
        return refused({"RequestEntityTooLarge", body.error().message,
                        body.error().code == ErrorCode::exhausted ? 413 : 400});
    if (asked.has_form) {
        if (auto form = http::parse_query(*body)) asked.form = *std::move(form);
    }
    if (is_kinesis(asked.service) && media_type_of(request) == "application/json") {
        if (!body->empty()) return old_json_answer(*body, request_id);
        asked.wire = Wire::cbor_1_1;
    }
    if (asked.wire == Wire::query) {
        const std::string* const action = member_of(asked.form, "Action");
        const std::string* const version = member_of(asked.form, "Version");
        if (action == nullptr) return refused({"MissingAction", "there is no Action"});
        asked.operation = *action;
        if (asked.service == nullptr)
            asked.service = service_of_form(services_, version, request.path);
        std::erase_if(asked.form, [](const auto& member) {
            return member.first == "Action" || member.first == "Version";
        });
    }
    if (asked.service == nullptr)
        return refused(asked.wire == Wire::query
                           ? Fault{"InvalidAction", "no service here has this action"}
                           : Fault{"UnknownOperationException", ""});
    const auto claim = claim_of_call(request);
    const auto principal = claim ? principal_of(request, *claim, sha256_hex(*body), nullptr)
                           : options_.any_credentials ? principal_of(request, {}, "", nullptr)
                                                      : tl::unexpected<Distrust>(claim.error());
    if (!principal && is_member_wire(asked.wire) &&
        !starts_as_object(asked.wire == Wire::cbor_1_1, *body))
        return refused({"SerializationException", ""});
    if (!principal)
        return refused(asked.wire == Wire::query ? query_fault(principal.error())
                                                 : json_fault(principal.error()));
    if (claim && !claim->payload_sha256.empty() && claim->payload == PayloadKind::whole &&
        !options_.any_credentials && claim->payload_sha256 != sha256_hex(*body))
        return refused(json_fault({Distrust::Why::wrong, ""}));
    Call call;
    call.operation = asked.operation;
    call.wire = asked.wire;
    call.path = request.path;
    call.body = *body;
    call.form = std::move(asked.form);
    call.region = claim && !claim->region.empty() ? claim->region : options_.region;
    call.account = options_.account;
    call.scheme = request.secure ? "https" : "http";
    call.host = request.header("host").value_or("localhost");
    call.client = request.client;
    call.trace = request.header("x-amzn-trace-id").value_or("");
    call.request_id = request_id;
    call.principal = *principal;
    request.principal = *principal;
    call.left = request.left;
    http::Response response = answer_of(*asked.service, call, asked.service->call(call));
    count_call(asked.service->name(), response.status);
    return response;
}

/// "bucket" of "bucket.localhost:4566", of "bucket.s3.example" where a domain is "s3.example".
std::string Port::bucket_of_host(const http::Request& request) const {
    const std::string named = http::lower_case(request.header("host").value_or(""));
    const std::string_view host = without_port(named);
    const auto before = [&](std::string_view domain) {
        return host.size() > domain.size() + 1 && host.ends_with(domain) &&
                       host[host.size() - domain.size() - 1] == '.'
                   ? std::string(host.substr(0, host.size() - domain.size() - 1))
                   : std::string();
    };
    for (const std::string& domain : options_.domains)
        if (std::string bucket = before(domain); !bucket.empty()) return bucket;
    for (const std::string_view domain : {"s3.localhost", "localhost"})
        if (std::string bucket = before(domain); !bucket.empty() && bucket != "s3") return bucket;
    return {};
}

http::Response Port::call_rest(http::Request& request) {
    const auto refused = [&](const Distrust& distrust) {
        const Fault fault = rest_fault(distrust);
        count_call("s3", fault.status);
        return rest_error_(request, fault);
    };
    auto claim = read_claim(request);
    if (!claim && !options_.any_credentials) return refused(claim.error());
    if (!claim) claim = Claim{};
    Signed signature;
    // A browser that asks whether it may isn't whom the address was signed for.
    const bool is_nobodys = request.method == "OPTIONS" ||
                            (claim->kind == Claim::Kind::none && !options_.any_credentials);
    if (is_nobodys) {
        signature.principal = catalog::anonymous_principal();
    } else {
        auto principal = principal_of(request, *claim, sha256_hex(""), &signature.signing_key);
        if (!principal) return refused(principal.error());
        signature.principal = *std::move(principal);
    }
    signature.bucket_of_host = bucket_of_host(request);
    signature.region = claim->region.empty() ? options_.region : claim->region;
    signature.account = options_.account;
    signature.claim = *std::move(claim);
    request.principal = signature.principal;
    http::Response response = rest_(request, signature);
    count_call("s3", response.status);
    return response;
}

}  // namespace stroma::front::aws
