#include "front/kinesis/kinesis_service.h"

#include <unordered_map>

#include "front/kinesis/operation.h"

namespace stroma::front::kinesis {
namespace {

constexpr int shards_on_demand = 4;

constexpr std::size_t usual_record_bytes = 1u << 20;

using Operations = std::unordered_map<std::string_view, Operation>;

const Operations& operations() {
    static const Operations known = [] {
        Operations made;
        for (const auto& list : {stream_operations(), setting_operations(), shard_operations(),
                                 record_operations(usual_record_bytes), consumer_operations()})
            for (const Operation& operation : list) made.emplace(operation.name, operation);
        return made;
    }();
    return known;
}

/// "arn:aws:kinesis:us-east-1:000000000000:stream/name[/consumer/…]" names a stream, too.
void name_stream_by_arn(Json& parameters) {
    if (parameters.contains("StreamName") && !parameters["StreamName"].is_null()) return;
    for (const std::string_view member : {"StreamARN", "ResourceARN", "ConsumerARN"}) {
        const auto found = parameters.find(member);
        if (found == parameters.end() || !found->is_string()) continue;
        const std::string& arn = found->get_ref<const std::string&>();
        const std::size_t at = arn.find(":stream/");
        if (!arn.starts_with("arn:") || at == std::string::npos) continue;
        const std::size_t from = at + 8;
        parameters["StreamName"] = arn.substr(from, arn.find('/', from) - from);
        return;
    }
}

/// A stream that takes larger records has puts that do.
Operation for_stream(const Operation& operation, stream::Streams& streams, const Json& parameters) {
    const auto name = parameters.find("StreamName");
    if (!operation.name.starts_with("PutRecord") || name == parameters.end() || !name->is_string())
        return operation;
    const auto info = streams.find(name->get_ref<const std::string&>());
    if (!info) return operation;
    const auto record_bytes = static_cast<std::size_t>((*info)->record_kib_max) * 1024;
    if (record_bytes <= usual_record_bytes) return operation;
    for (const Operation& large : record_operations(record_bytes))
        if (large.name == operation.name) return large;
    return operation;
}

bool only_reads(std::string_view operation) {
    for (const std::string_view begin : {"Get", "Describe", "List", "SubscribeToShard"})
        if (operation.starts_with(begin)) return true;
    return false;
}

/// Of the stream that is named; one that isn't there is the operation's to refuse.
aws::Outcome<void> allow(const Request& request) {
    if (request.call.operation == "CreateStream") {
        const auto allowed = request.may(request.call.principal, catalog::Action::create,
                                         {catalog::ThingKind::stream, "", ""});
        if (allowed && *allowed) return {};
        return aws::refuse("AccessDeniedException", "may not create a stream");
    }
    if (request.stream().empty()) return {};
    const auto info = request.streams.find(request.stream());
    if (!info) return {};
    return request.allow(
        only_reads(request.call.operation) ? catalog::Action::read : catalog::Action::change,
        **info);
}

}  // namespace

aws::Outcome<aws::Reply> KinesisService::call(aws::Call& call) {
    if (auto done = fast_put(streams_, call, may_)) return *std::move(done);
    const auto operation = operations().find(call.operation);
    if (operation == operations().end()) return aws::refuse("UnknownOperationException", "");
    auto parameters = call.parameters();
    if (!parameters) return aws::refuse(std::move(parameters.error()));
    name_stream_by_arn(*parameters);
    // A stream that finds its own size is made without one.
    const auto mode = parameters->find("StreamModeDetails");
    if (call.operation == "CreateStream" && !parameters->contains("ShardCount")) {
        // As AWS: a stream of which only the name is told has its shards on demand.
        const auto name = parameters->find("StreamName");
        const bool is_only_named = mode == parameters->end() && name != parameters->end() &&
                                   name->is_string() && *name != "";
        const bool on_demand = mode != parameters->end() && mode->is_object() &&
                               mode->value("StreamMode", Json("")) == "ON_DEMAND";
        if (is_only_named) (*parameters)["StreamModeDetails"]["StreamMode"] = "ON_DEMAND";
        if (is_only_named || on_demand) (*parameters)["ShardCount"] = shards_on_demand;
    }
    const Operation fitting = for_stream(operation->second, streams_, *parameters);
    const auto checked = aws::check_shape(*parameters, fitting.members);
    if (!checked) return aws::refuse(checked.error());
    const Request request{streams_, call, *checked, may_};
    if (auto allowed = allow(request); !allowed) return aws::refuse(std::move(allowed.error()));
    return fitting.run(request);
}

}  // namespace stroma::front::kinesis
