#include "front/kinesis/kinesis_service.h"

#include <unordered_map>

#include "front/kinesis/operation.h"

namespace stroma::front::kinesis {
namespace {

using Operations = std::unordered_map<std::string_view, Operation>;

const Operations& operations() {
    static const Operations known = [] {
        Operations made;
        for (const auto& list : {stream_operations(), setting_operations(), shard_operations(),
                                 record_operations(), consumer_operations()})
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

}  // namespace

aws::Outcome<aws::Reply> KinesisService::call(aws::Call& call) {
    if (auto done = fast_put(streams_, call)) return *std::move(done);
    const auto operation = operations().find(call.operation);
    if (operation == operations().end()) return aws::refuse("UnknownOperationException", "");
    auto parameters = call.parameters();
    if (!parameters) return aws::refuse(std::move(parameters.error()));
    name_stream_by_arn(*parameters);
    // A stream that finds its own size is made without one.
    const auto mode = parameters->find("StreamModeDetails");
    if (call.operation == "CreateStream" && mode != parameters->end() && mode->is_object() &&
        mode->value("StreamMode", Json("")) == "ON_DEMAND" && !parameters->contains("ShardCount"))
        (*parameters)["ShardCount"] = 4;
    const auto checked = aws::check_shape(*parameters, operation->second.members);
    if (!checked) return aws::refuse(checked.error());
    return operation->second.run({streams_, call, *checked});
}

}  // namespace stroma::front::kinesis
