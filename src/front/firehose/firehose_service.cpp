#include "front/firehose/firehose_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "front/aws/shapes.h"
#include "front/firehose/destinations.h"

namespace stroma::front::firehose {
namespace {

using delivery::DeliveryState;

constexpr std::size_t batch_records_max = 500, batch_bytes_max = 4u << 20;
constexpr std::size_t record_bytes_max = 1000u << 10;

struct Request {
    delivery::Deliveries& deliveries;
    const aws::Call& call;
    const Json& parameters;
    const Decide& may;
    const OwnerOf& owner_of;

    std::string text(std::string_view name) const {
        const auto found = parameters.find(name);
        return found != parameters.end() && found->is_string() ? found->get<std::string>()
                                                               : std::string();
    }
    std::string name() const { return text("DeliveryStreamName"); }
    std::string arn(std::string_view of) const {
        return fmt::format("arn:aws:firehose:{}:{}:deliverystream/{}", call.region, call.account,
                           of);
    }
};

tl::unexpected<aws::Fault> invalid(std::string message) {
    return aws::refuse("InvalidArgumentException", std::move(message));
}

tl::unexpected<aws::Fault> refuse_for(const Request& request, const Error& error) {
    switch (error.code) {
        case ErrorCode::not_found:
            return aws::refuse("ResourceNotFoundException",
                               fmt::format("Firehose {} under account {} not found.",
                                           request.name(), request.call.account));
        case ErrorCode::already_exists:
            return aws::refuse("ResourceInUseException",
                               fmt::format("Firehose {} under accountId {} already exists",
                                           request.name(), request.call.account));
        case ErrorCode::unsupported:
            return invalid(
                fmt::format("This operation is not permitted on "
                            "KinesisStreamAsSource delivery stream type."));
        case ErrorCode::invalid_input: return invalid(error.message);
        case ErrorCode::conflict:
            return aws::refuse("ConcurrentModificationException", error.message);
        case ErrorCode::exhausted:
        case ErrorCode::unavailable:
            return aws::refuse("ServiceUnavailableException", "Slow down.", 503);
        default: return aws::refuse(error);
    }
}

aws::Outcome<void> allow(const Request& request, catalog::Action action, catalog::ThingKind kind,
                         const std::string& name, const std::string& owner) {
    const auto allowed = request.may(request.call.principal, action, {kind, name, owner});
    if (!allowed) return aws::refuse(allowed.error());
    if (*allowed) return {};
    return aws::refuse("AccessDeniedException",
                       fmt::format("User: {} is not authorized to perform: firehose:{} on "
                                   "resource: {}",
                                   request.call.principal.id, request.call.operation, name));
}

/// Whether the sender may themselves do what a delivery with that configuration does for them.
aws::Outcome<void> allow_delivery(const Request& request, const std::string& config,
                                  const std::string& source) {
    const auto destination = delivery::parse_destination(config);
    if (!destination) return refuse_for(request, destination.error());
    std::vector<std::string> buckets = {destination->bucket};
    if (destination->backup) buckets.push_back(destination->backup->bucket);
    for (const std::string& bucket : buckets)
        if (auto allowed = allow(request, catalog::Action::change, catalog::ThingKind::bucket,
                                 bucket, request.owner_of(catalog::ThingKind::bucket, bucket));
            !allowed)
            return allowed;
    if (source.empty()) return {};
    return allow(request, catalog::Action::read, catalog::ThingKind::stream, source,
                 request.owner_of(catalog::ThingKind::stream, source));
}

/// Of the delivery that is named; one that isn't there is the operation's to refuse.
aws::Outcome<void> allow_operation(const Request& request) {
    const std::string& operation = request.call.operation;
    if (operation == "CreateDeliveryStream")
        return allow(request, catalog::Action::create, catalog::ThingKind::stream, "", "");
    const auto state = request.deliveries.find(request.name());
    if (!state) return {};
    const bool reads = operation.starts_with("Describe") || operation.starts_with("List");
    return allow(request, reads ? catalog::Action::read : catalog::Action::change,
                 catalog::ThingKind::stream, state->name, state->owner);
}

// ---- records ------------------------------------------------------------------------------------

/// Opaque and long, as AWS's.
std::string record_id(const Request& request, std::uint64_t number) {
    return aws::base64(
        fmt::format("{:>40}/{:020}/{:>80}", request.name(), number, request.call.request_id));
}

aws::Outcome<aws::Reply> put_record(const Request& request) {
    auto data = aws::blob_bytes(request.parameters["Record"]["Data"]);
    if (!data) return aws::refuse(std::move(data.error()));
    const std::string record = *std::move(data);
    const auto put = request.deliveries.put(request.name(), {&record, 1});
    if (!put) return refuse_for(request, put.error());
    return aws::reply({{"RecordId", record_id(request, *put)}, {"Encrypted", false}});
}

aws::Outcome<aws::Reply> put_record_batch(const Request& request) {
    std::vector<std::string> records;
    std::size_t bytes = 0;
    for (const Json& entry : request.parameters["Records"]) {
        auto data = aws::blob_bytes(entry["Data"]);
        if (!data) return aws::refuse(std::move(data.error()));
        bytes += data->size();
        records.push_back(*std::move(data));
    }
    if (bytes > batch_bytes_max) return invalid("Records size exceeds 4 MB limit");
    const auto put = request.deliveries.put(request.name(), records);
    if (!put) return refuse_for(request, put.error());
    Json answers = Json::array();
    for (std::size_t r = 0; r < records.size(); ++r)
        answers.push_back({{"RecordId", record_id(request, *put + r)}});
    return aws::reply(
        {{"FailedPutCount", 0}, {"Encrypted", false}, {"RequestResponses", std::move(answers)}});
}

// ---- delivery streams ---------------------------------------------------------------------------

aws::Outcome<aws::Reply> create(const Request& request) {
    DeliveryState wanted;
    wanted.name = request.name();
    const std::string type = request.text("DeliveryStreamType");
    if (!type.empty() && type != "DirectPut" && type != "KinesisStreamAsSource")
        return invalid(fmt::format("the source {} is not there", type));
    auto config = stored_destination(request.parameters);
    if (!config) return aws::refuse(std::move(config.error()));
    wanted.config = config->dump();
    const auto source = request.parameters.find("KinesisStreamSourceConfiguration");
    if (source != request.parameters.end() && source->is_object()) {
        wanted.source_arn = source->value("KinesisStreamARN", std::string());
        wanted.source_role = source->value("RoleARN", std::string());
        const std::size_t at = wanted.source_arn.find(":stream/");
        if (at == std::string::npos) return invalid("KinesisStreamARN is not the ARN of a stream");
        wanted.source = wanted.source_arn.substr(at + 8);
    } else if (type == "KinesisStreamAsSource") {
        return invalid("KinesisStreamSourceConfiguration must be given");
    }
    if (request.parameters.contains("Tags"))
        for (const Json& tag : request.parameters["Tags"])
            if (tag.is_object())
                wanted.tags[tag.value("Key", std::string())] = tag.value("Value", std::string());
    const std::string stream = wanted.source;
    wanted.owner = request.call.principal.id;
    if (auto allowed = allow_delivery(request, wanted.config, stream); !allowed)
        return aws::refuse(std::move(allowed.error()));
    const auto made = request.deliveries.create(std::move(wanted));
    if (!made && made.error().code == ErrorCode::not_found)
        return aws::refuse(
            "ResourceNotFoundException",
            fmt::format("Stream {} under account {} not found.", stream, request.call.account));
    if (!made) return refuse_for(request, made.error());
    return aws::reply({{"DeliveryStreamARN", request.arn(request.name())}});
}

aws::Outcome<aws::Reply> remove(const Request& request) {
    const auto removed = request.deliveries.remove(request.name());
    if (!removed) return refuse_for(request, removed.error());
    return aws::reply(Json::object());
}

aws::Outcome<aws::Reply> describe(const Request& request) {
    const auto state = request.deliveries.find(request.name());
    if (!state) return refuse_for(request, state.error());
    const auto time = [&](std::int64_t ms) { return aws::timestamp(request.call.wire, ms); };
    Json json = {
        {"DeliveryStreamName", state->name},
        {"DeliveryStreamARN", request.arn(state->name)},
        {"DeliveryStreamStatus", "ACTIVE"},
        {"DeliveryStreamEncryptionConfiguration", {{"Status", "DISABLED"}}},
        {"DeliveryStreamType", state->source.empty() ? "DirectPut" : "KinesisStreamAsSource"},
        {"VersionId", std::to_string(state->version)},
        {"CreateTimestamp", time(state->created_ms)},
        {"Destinations", Json::array({shown_destination(*state)})},
        {"HasMoreDestinations", false}};
    if (state->updated_ms != state->created_ms)
        json["LastUpdateTimestamp"] = time(state->updated_ms);
    if (!state->source.empty())
        json["Source"] = {{"KinesisStreamSourceDescription",
                           {{"KinesisStreamARN", state->source_arn},
                            {"RoleARN", state->source_role},
                            {"DeliveryStartTimestamp", time(state->created_ms)}}}};
    if (const auto stats = request.deliveries.stats(state->name);
        stats && !stats->last_error.empty())
        json["FailureDescription"] = {{"Type", "UNKNOWN_ERROR"}, {"Details", stats->last_error}};
    return aws::reply({{"DeliveryStreamDescription", std::move(json)}});
}

aws::Outcome<aws::Reply> list(const Request& request) {
    const std::string after = request.text("ExclusiveStartDeliveryStreamName");
    const std::string type = request.text("DeliveryStreamType");
    const auto limit = request.parameters.value("Limit", std::size_t{10});
    Json names = Json::array();
    bool more = false;
    for (const std::string& name : request.deliveries.names()) {
        if (!after.empty() && name <= after) continue;
        const auto state = request.deliveries.find(name);
        if (!state ||
            !allow(request, catalog::Action::read, catalog::ThingKind::stream, name, state->owner))
            continue;
        if ((!type.empty() && (type == "DirectPut") != state->source.empty())) continue;
        more = names.size() == limit;
        if (more) break;
        names.push_back(name);
    }
    return aws::reply(
        {{"DeliveryStreamNames", std::move(names)}, {"HasMoreDeliveryStreams", more}});
}

aws::Outcome<aws::Reply> update(const Request& request) {
    const auto state = request.deliveries.find(request.name());
    if (!state) return refuse_for(request, state.error());
    auto stored = parse_json(state->config);
    if (!stored) return aws::refuse(stored.error());
    const auto config = changed_destination(request.parameters, *std::move(stored));
    if (!config) return aws::refuse(config.error());
    const std::string version = request.text("CurrentDeliveryStreamVersionId");
    if (version != std::to_string(state->version))
        return aws::refuse("ConcurrentModificationException",
                           fmt::format("Cannot update firehose: {} since the current version id: "
                                       "{} and specified version id: {} do not match",
                                       state->name, state->version, version));
    if (auto allowed = allow_delivery(request, config->dump(), state->source); !allowed)
        return aws::refuse(std::move(allowed.error()));
    const auto updated = request.deliveries.update(state->name, state->version, config->dump());
    if (!updated) return refuse_for(request, updated.error());
    return aws::reply(Json::object());
}

// ---- tags ---------------------------------------------------------------------------------------

aws::Outcome<aws::Reply> tag(const Request& request) {
    const auto changed = request.deliveries.change_tags(request.name(), [&](auto& tags) {
        for (const Json& each : request.parameters["Tags"])
            if (each.is_object())
                tags[each.value("Key", std::string())] = each.value("Value", std::string());
    });
    if (!changed) return refuse_for(request, changed.error());
    return aws::reply(Json::object());
}

aws::Outcome<aws::Reply> untag(const Request& request) {
    const auto changed = request.deliveries.change_tags(request.name(), [&](auto& tags) {
        for (const Json& key : request.parameters["TagKeys"])
            if (key.is_string()) tags.erase(key.template get<std::string>());
    });
    if (!changed) return refuse_for(request, changed.error());
    return aws::reply(Json::object());
}

aws::Outcome<aws::Reply> list_tags(const Request& request) {
    const auto state = request.deliveries.find(request.name());
    if (!state) return refuse_for(request, state.error());
    Json tags = Json::array();
    for (const auto& [key, value] : state->tags) tags.push_back({{"Key", key}, {"Value", value}});
    return aws::reply({{"Tags", std::move(tags)}, {"HasMoreTags", false}});
}

/// Encryption at rest is asked for and recorded nowhere: the disk's is the operator's.
aws::Outcome<aws::Reply> accept(const Request& request) {
    const auto state = request.deliveries.find(request.name());
    if (!state) return refuse_for(request, state.error());
    return aws::reply(Json::object());
}

// ---- the table ----------------------------------------------------------------------------------

struct Operation {
    std::string_view name;
    aws::Outcome<aws::Reply> (*run)(const Request&);
    std::vector<aws::Member> members = {};
};

bool is_name(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
    });
}

const std::vector<Operation>& operations() {
    using aws::Type;
    static const aws::Member data = {
        "Data", {.type = Type::blob, .needed = true, .length_max = record_bytes_max}};
    static const aws::Member record = {
        "Record", {.type = Type::structure, .needed = true, .members = {data}}};
    static const aws::Member records = {
        "Records",
        {.type = Type::list,
         .needed = true,
         .length_min = 1,
         .length_max = batch_records_max,
         .shown_as = "com.amazonaws.services.firehose.model.Record@1",
         .members = {data}}};
    static const aws::Member tags = {
        "Tags", {.type = Type::list, .needed = true, .members = {{"Key", {}}, {"Value", {}}}}};
    static const aws::Member tag_keys = {"TagKeys",
                                         {.type = Type::list, .needed = true, .child = Type::text}};
    static const std::vector<Operation> known = {{"PutRecord", put_record, {record}},
                                                 {"PutRecordBatch", put_record_batch, {records}},
                                                 {"CreateDeliveryStream", create},
                                                 {"DeleteDeliveryStream", remove},
                                                 {"DescribeDeliveryStream", describe},
                                                 {"ListDeliveryStreams", list},
                                                 {"UpdateDestination", update},
                                                 {"TagDeliveryStream", tag, {tags}},
                                                 {"UntagDeliveryStream", untag, {tag_keys}},
                                                 {"ListTagsForDeliveryStream", list_tags},
                                                 {"StartDeliveryStreamEncryption", accept},
                                                 {"StopDeliveryStreamEncryption", accept}};
    return known;
}

}  // namespace

aws::Outcome<aws::Reply> FirehoseService::call(aws::Call& call) {
    const auto operation = std::ranges::find(operations(), call.operation, &Operation::name);
    if (operation == operations().end()) return aws::refuse("UnknownOperationException", "");
    auto parameters = call.parameters();
    if (!parameters) return aws::refuse(std::move(parameters.error()));
    // Only what is checked by shape is replaced; a destination stays as the client gave it.
    std::vector<aws::Member> members = operation->members;
    if (call.operation != "ListDeliveryStreams")
        members.push_back({"DeliveryStreamName",
                           {.needed = true,
                            .length_min = 1,
                            .length_max = 64,
                            .pattern = "[a-zA-Z0-9_.-]+",
                            .matches = is_name}});
    const auto checked = aws::check_shape(*parameters, members);
    if (!checked) return aws::refuse(checked.error());
    try {
        const Request request{deliveries_, call, *parameters, may_, owner_of_};
        if (auto allowed = allow_operation(request); !allowed)
            return aws::refuse(std::move(allowed.error()));
        return operation->run(request);
    } catch (const nlohmann::json::exception&) {
        return aws::refuse("SerializationException", "");
    }
}

}  // namespace stroma::front::firehose
