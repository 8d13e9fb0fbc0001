#include "app/aws/delivery_service.h"

#include <fmt/format.h>

#include "app/aws/stream_service.h"
#include "base/digest.h"
#include "delivery/command.h"
#include "front/http/fetch.h"
#include "front/s3/attributes.h"
#include "sql/duckdb/duckdb_database.h"

namespace stroma::app {
namespace {

constexpr std::size_t transform_output_max = 8u << 20;
constexpr Milliseconds transform_time{300'000};
constexpr int endpoint_seconds_max = 180;

std::string md5_of(std::string_view bytes) {
    Digest digest(DigestKind::md5);
    digest.update(bytes);
    return digest.hex();
}

class BucketSink final : public delivery::ObjectSink {
public:
    explicit BucketSink(bucket::Buckets& buckets) : buckets_(buckets) {}

    Result<void> put_if_absent(const delivery::MadeObject& object) override {
        const auto owner = buckets_.find(object.bucket);
        if (!owner) return fail(error_of(owner.error(), object));
        bucket::NewObject made;
        made.bucket = object.bucket;
        made.key = object.key;
        made.owner = owner->owner;
        made.size = object.bytes.size();
        made.etag = md5_of(object.bytes);
        front::s3::Attributes attributes;
        attributes.headers["Content-Type"] = "application/octet-stream";
        made.attributes = attributes.text();
        made.condition.if_absent = true;
        if (object.bytes.size() <= bucket::Buckets::small_bytes_max) {
            made.body.bytes = object.bytes;
        } else {
            auto blob = TRY(buckets_.begin_blob());
            TRY(blob.write(as_bytes(object.bytes)));
            made.body.pieces.push_back(TRY(blob.finish()));
        }
        const auto pieces = made.body.pieces;
        const auto put = buckets_.put(std::move(made), {.principal = "firehose.amazonaws.com",
                                                        .address = "",
                                                        .request_id = md5_of(object.key)});
        if (put) return {};
        for (const bucket::Piece& piece : pieces) buckets_.drop(piece);
        // An earlier attempt of the same batch got as far as this object.
        if (put.error().why == bucket::Why::condition_failed) return {};
        return fail(error_of(put.error(), object));
    }

private:
    static Error error_of(const bucket::Refusal& refusal, const delivery::MadeObject& object) {
        if (refusal.why == bucket::Why::no_such_bucket)
            return {ErrorCode::not_found, fmt::format("there is no bucket '{}'", object.bucket)};
        if (refusal.why == bucket::Why::failed) return refusal.error;
        return {ErrorCode::unavailable,
                fmt::format("the bucket '{}' doesn't take '{}'", object.bucket, object.key)};
    }
    bucket::Buckets& buckets_;
};

delivery::Transform transforms_in(const std::string& folder) {
    if (folder.empty()) return {};
    return [folder](const std::string& name, const std::string& request) -> Result<std::string> {
        const fs::path program = fs::path(folder) / name;
        if (name.find('/') != std::string::npos || name.starts_with('.'))
            return fail(ErrorCode::invalid_input, fmt::format("'{}' names no transform", name));
        return delivery::run_command({program}, request, transform_output_max, transform_time);
    };
}

/// As webhooks: an address that isn't public is refused unless the operator allows such.
Result<std::string> post_to(const delivery::EndpointCall& call, bool allow_private) {
    front::http::FetchOptions options;
    options.bytes_max = 1u << 20;
    options.seconds_max = endpoint_seconds_max;
    options.redirects_max = 0;
    options.allow_private = allow_private;
    options.body = call.body;
    options.headers = call.headers;
    return front::http::fetch(call.url, options);
}

}  // namespace

struct DeliveryService::State {
    explicit State(bucket::Buckets& buckets) : sink(buckets) {}
    BucketSink sink;
    std::unique_ptr<delivery::Deliveries> deliveries;
    std::unique_ptr<front::firehose::FirehoseService> firehose;
};

DeliveryService::DeliveryService(std::unique_ptr<State> state) : state_(std::move(state)) {}
DeliveryService::~DeliveryService() = default;

Result<std::unique_ptr<DeliveryService>> DeliveryService::open(Site& site, const Settings& settings,
                                                               stream::Streams& streams,
                                                               bucket::Buckets& buckets) {
    auto state = std::make_unique<State>(buckets);
    delivery::DeliveriesOptions options{
        .folder = site.data() / "deliveries",
        .account = settings.text("aws.account"),
        .region = settings.text("aws.region"),
        .tools = {.open_engine = [] { return sql::open_duckdb({}); },
                  .scratch = {},
                  .transform = transforms_in(settings.text("aws.transforms"))},
        .post = [allow_private = settings.boolean("fetch.private_addresses")](
                    const delivery::EndpointCall& call) { return post_to(call, allow_private); },
        .sealer = &site.access_keys().secrets()};
    state->deliveries =
        TRY_WITH(delivery::Deliveries::open(std::move(options), segment_logs(site.clock()), streams,
                                            state->sink, site.clock(), site.ids()),
                 "opening the deliveries");
    const auto may = [&site](const catalog::Principal& principal, catalog::Action action,
                             const catalog::Thing& thing) {
        return site.catalog().may(principal, action, thing);
    };
    const auto owner_of = [&streams, &buckets](catalog::ThingKind kind, std::string_view name) {
        if (kind == catalog::ThingKind::bucket) {
            const auto found = buckets.find(name);
            return found ? found->owner : std::string();
        }
        const auto found = streams.find(name);
        return found ? (*found)->owner : std::string();
    };
    state->firehose =
        std::make_unique<front::firehose::FirehoseService>(*state->deliveries, may, owner_of);
    return std::unique_ptr<DeliveryService>(new DeliveryService(std::move(state)));
}

front::aws::Service& DeliveryService::firehose() { return *state_->firehose; }
delivery::Deliveries& DeliveryService::deliveries() { return *state_->deliveries; }
void DeliveryService::start() { state_->deliveries->start(); }
void DeliveryService::stop() { state_->deliveries->stop(); }

Result<void> DeliveryService::put(stream::Streams& streams, const std::string& arn,
                                  const std::string& key, const std::string& data) {
    if (const std::size_t at = arn.find(":deliverystream/"); at != std::string::npos) {
        TRY(state_->deliveries->put(arn.substr(at + 16), {&data, 1}));
        return {};
    }
    const std::size_t at = arn.find(":stream/");
    if (at == std::string::npos)
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' is neither a stream nor a delivery", arn));
    stream::NewRecord record{.partition_key = key, .data = data};
    return streams.put(arn.substr(at + 8), {&record, 1});
}

std::optional<catalog::Thing> DeliveryService::find(stream::Streams& streams,
                                                    const std::string& arn) {
    catalog::Thing thing{.kind = catalog::ThingKind::stream, .id = arn, .owner = ""};
    if (const std::size_t at = arn.find(":deliverystream/"); at != std::string::npos) {
        if (const auto found = state_->deliveries->find(arn.substr(at + 16)))
            thing.owner = found->owner;
        return thing;
    }
    const std::size_t at = arn.find(":stream/");
    if (at == std::string::npos) return std::nullopt;
    if (const auto found = streams.find(arn.substr(at + 8))) thing.owner = (*found)->owner;
    return thing;
}

}  // namespace stroma::app
