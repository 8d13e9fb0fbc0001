#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "front/kinesis/operation.h"

// Putting records and reading them.

namespace stroma::front::kinesis {
namespace {

using stream::Position;
using stream::Shard;
using stream::StreamInfo;

constexpr std::int64_t iterator_life_ms = 300'000;
constexpr std::size_t batch_bytes_max = 10u << 20;

// ---- putting ------------------------------------------------------------------------------------

aws::Outcome<std::optional<stream::HashKey>> explicit_hash(const Json& record) {
    const auto text = record.find("ExplicitHashKey");
    if (text == record.end()) return std::optional<stream::HashKey>();
    const auto key = stream::parse_hash_key(text->get_ref<const std::string&>());
    if (!key)
        return invalid_argument(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: "
            "[0, 2^128-1]. Specified value was " +
            text->get<std::string>());
    return key;
}

Json throttled_json(const Request& request, std::uint32_t shard) {
    return {{"ErrorCode", "ProvisionedThroughputExceededException"},
            {"ErrorMessage",
             fmt::format("Rate exceeded for shard {} in stream {} under account {}.",
                         stream::shard_name(shard), request.stream(), request.call.account)}};
}

void add_encryption(const Request& request, Json& json) {
    const auto info = request.streams.find(request.stream());
    if (info && !(*info)->key_id.empty()) json["EncryptionType"] = "KMS";
}

aws::Outcome<aws::Reply> put_record(const Request& request) {
    const auto data = aws::blob_bytes(request.parameters["Data"]);
    if (!data) return aws::refuse(data.error());
    const auto hash = explicit_hash(request.parameters);
    if (const auto found = request.find(); !found) return aws::refuse(found.error());
    if (!hash) return aws::refuse(hash.error());
    if (const std::string after = request.text("SequenceNumberForOrdering"); !after.empty()) {
        const auto parsed = stream::parse_sequence(after);
        if (!parsed || parsed->time_s > request.streams.now_ms() / 1000)
            return invalid_argument(
                fmt::format("ExclusiveMinimumSequenceNumber {} used in PutRecord on stream {} "
                            "under account {} is invalid.",
                            after, request.stream(), request.call.account));
    }
    const std::string key = request.text("PartitionKey");
    stream::NewRecord record{.partition_key = key, .data = *data, .hash = *hash};
    const auto put = request.streams.put(request.stream(), {&record, 1});
    if (!put) return refuse_for(request.call, request.stream(), put.error());
    if (record.throttled)
        return aws::refuse("ProvisionedThroughputExceededException",
                           throttled_json(request, record.shard)["ErrorMessage"]);
    Json json = {{"ShardId", stream::shard_name(record.shard)},
                 {"SequenceNumber", stream::to_text(record.number)}};
    add_encryption(request, json);
    return aws::reply(std::move(json));
}

aws::Outcome<aws::Reply> put_records(const Request& request) {
    const Json& entries = request.parameters["Records"];
    std::vector<std::string> data;
    data.reserve(entries.size());
    std::size_t bytes = 0;
    for (const Json& entry : entries) {
        auto blob = aws::blob_bytes(entry["Data"]);
        if (!blob) return aws::refuse(std::move(blob.error()));
        bytes += blob->size() + entry["PartitionKey"].get_ref<const std::string&>().size();
        data.push_back(*std::move(blob));
    }
    if (bytes > batch_bytes_max) return invalid_argument("Records size exceeds 10 MB limit");
    if (const auto found = request.find(); !found) return aws::refuse(found.error());
    std::vector<stream::NewRecord> records;
    for (std::size_t i = 0; i < data.size(); ++i) {
        const auto hash = explicit_hash(entries[i]);
        if (!hash) return aws::refuse(hash.error());
        records.push_back(
            {.partition_key = entries[i]["PartitionKey"].get_ref<const std::string&>(),
             .data = data[i],
             .hash = *hash});
    }
    const auto put = request.streams.put(request.stream(), records);
    if (!put) return refuse_for(request.call, request.stream(), put.error());
    Json answers = Json::array();
    int failed = 0;
    for (const stream::NewRecord& record : records) {
        failed += record.throttled ? 1 : 0;
        answers.push_back(record.throttled
                              ? throttled_json(request, record.shard)
                              : Json{{"SequenceNumber", stream::to_text(record.number)},
                                     {"ShardId", stream::shard_name(record.shard)}});
    }
    Json json = {{"FailedRecordCount", failed}, {"Records", std::move(answers)}};
    add_encryption(request, json);
    return aws::reply(std::move(json));
}

// ---- iterators ----------------------------------------------------------------------------------

/// "Thu Jan 22 01:22:02 UTC 2015"
std::string java_time(std::int64_t unix_ms) {
    const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    return std::string(text, std::strftime(text, sizeof text, "%a %b %d %H:%M:%S UTC %Y", &parts));
}

std::string iterator_text(const Request& request, const StreamInfo& stream, std::uint32_t shard,
                          std::uint64_t from) {
    return aws::base64(stream::seal({.stream = stream.name,
                                     .id = stream.id,
                                     .shard = shard,
                                     .from = from,
                                     .created_ms = request.streams.now_ms()},
                                    request.streams.secret()));
}

tl::unexpected<aws::Fault> shard_does_not_exist(const Request& request, std::uint32_t shard,
                                                std::string_view stream) {
    return aws::refuse("ResourceNotFoundException",
                       fmt::format("Shard {} in stream {} under account {} does not exist",
                                   stream::shard_name(shard), stream, request.call.account));
}

tl::unexpected<aws::Fault> contradicting(const Request& request, bool with_number) {
    return invalid_argument(
        fmt::format("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                    "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
                    "StartingSequenceNumber. Request specified {} and {} StartingSequenceNumber.",
                    request.text("ShardIteratorType"), with_number ? "also a" : "no"));
}

aws::Outcome<std::uint64_t> place_of_number(const Request& request, const StreamInfo& stream,
                                            const Shard& shard) {
    const std::string type = request.text("ShardIteratorType");
    if (type == "TRIM_HORIZON" || type == "LATEST") return contradicting(request, true);
    const std::string text = request.text("StartingSequenceNumber");
    const auto number = stream::parse_sequence(text);
    const std::string used = fmt::format(
        "StartingSequenceNumber {} used in GetShardIterator on shard {} in stream {} "
        "under account {} is invalid",
        text, stream::shard_name(shard.index), stream.name, request.call.account);
    if (!number) return invalid_argument(used + ".");
    if (number->shard != shard.index)
        return invalid_argument(
            fmt::format("Invalid StartingSequenceNumber. It encodes {}, while it was used in a "
                        "call to a shard with {}",
                        stream::shard_name(number->shard), stream::shard_name(shard.index)));
    if (number->version == 0) return aws::refuse("InternalFailure", "", 500);
    if (number->version != 2 || number->shard_created_s != shard.numbered_s)
        return invalid_argument(used + " because it did not come from this stream.");
    // A number stands for its record; the shard's own first number lies before all of them.
    return number->counter + (type == "AFTER_SEQUENCE_NUMBER" ? 1 : 0);
}

aws::Outcome<std::uint64_t> place_of_time(const Request& request, const StreamInfo& stream,
                                          const Shard& shard) {
    if (!request.has("Timestamp"))
        return invalid_argument(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current "
            "request has no timestamp parameter.");
    const bool in_ms = request.call.wire == aws::Wire::cbor_1_1;
    const double told = request.parameters["Timestamp"].get<double>() * (in_ms ? 1.0 : 1000.0);
    const std::int64_t now = request.streams.now_ms();
    const double latest = static_cast<double>(now);
    if (told > latest)
        return invalid_argument(fmt::format(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
            "timestampInMillis: {}, currentTimestampInMillis: {}",
            static_cast<std::int64_t>(std::llround(told)), now));
    const auto from = request.streams.first_since(stream.name, shard.index,
                                                  static_cast<std::int64_t>(std::llround(told)));
    if (!from) return refuse_for(request.call, stream.name, from.error());
    return *from;
}

aws::Outcome<aws::Reply> get_shard_iterator(const Request& request) {
    const std::string shard_text = request.text("ShardId");
    const auto index = stream::parse_shard_name(shard_text);
    if (!index) return no_shard(request.call, shard_text, request.stream());
    const auto info = request.streams.find(request.stream());
    const std::int64_t now = request.streams.now_ms();
    if (!info || (*info)->status(now) == stream::Status::creating ||
        *index >= (*info)->shards.size() || !(*info)->is_told((*info)->shards[*index], now))
        return shard_does_not_exist(request, *index, request.stream());
    const auto from = starting_place(request, **info, *index);
    if (!from) return aws::refuse(from.error());
    return aws::reply({{"ShardIterator", iterator_text(request, **info, *index, *from)}});
}

// ---- reading ------------------------------------------------------------------------------------

void append_json_text(std::string& to, std::string_view text) {
    to += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The records and what lies around them, as JSON text.
std::string records_text(const stream::Reading& reading, const Shard& shard, const Json& rest) {
    std::string text = "{\"Records\":[";
    std::string number(stream::sequence_text_bytes, '0');
    for (const queue::Record& record : reading.records) {
        if (text.back() != '[') text += ',';
        stream::write_sequence(number.data(),
                               shard.number(record.sequence_number, record.arrived_ms));
        text += "{\"SequenceNumber\":\"" + number + "\",\"ApproximateArrivalTimestamp\":";
        text += fmt::format("{}.{:03}", record.arrived_ms / 1000, record.arrived_ms % 1000);
        text += ",\"Data\":\"" + aws::base64(record.data) + "\",\"PartitionKey\":";
        append_json_text(text, record.partition_key);
        text += '}';
    }
    text += "],";
    return text + rest.dump().substr(1);
}

aws::Outcome<Position> position_of(const Request& request) {
    std::string sealed;
    std::string text = request.text("ShardIterator");
    // Clients that print JSON and paste it leave its quotes on; AWS takes them so.
    if (text.size() > 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
    auto position = aws::base64_decode(text, sealed)
                        ? stream::unseal(sealed, request.streams.secret())
                        : std::nullopt;
    if (!position) return invalid_argument("Invalid ShardIterator.");
    const std::int64_t now = request.streams.now_ms();
    if (now - position->created_ms > iterator_life_ms)
        return aws::refuse(
            "ExpiredIteratorException",
            fmt::format("Iterator expired. The iterator was created at time {} while right now it "
                        "is {} which is further in the future than the tolerated delay of {} "
                        "milliseconds.",
                        java_time(position->created_ms), java_time(now), iterator_life_ms));
    return *std::move(position);
}

aws::Outcome<aws::Reply> get_records(const Request& request) {
    const auto position = position_of(request);
    if (!position) return aws::refuse(position.error());
    if (const auto info = request.streams.find(position->stream); info)
        if (auto allowed = request.allow(catalog::Action::read, **info); !allowed)
            return aws::refuse(std::move(allowed.error()));
    auto read = request.streams.read(*position, static_cast<int>(request.integer("Limit", 10'000)));
    if (!read) {
        if (read.error().code == ErrorCode::not_found)
            return shard_does_not_exist(request, position->shard, position->stream);
        if (read.error().code == ErrorCode::conflict)
            return invalid_argument("Invalid ShardIterator.");
        if (read.error().code == ErrorCode::exhausted)
            return aws::refuse("ProvisionedThroughputExceededException",
                               fmt::format("Rate exceeded for shard {} in stream {} under account "
                                           "{}.",
                                           stream::shard_name(position->shard), position->stream,
                                           request.call.account));
        return refuse_for(request.call, position->stream, read.error());
    }
    const StreamInfo& stream = *read->stream;
    const Shard& shard = stream.shards[position->shard];
    Json rest = Json::object();
    if (!read->drained)
        rest["NextShardIterator"] = iterator_text(request, stream, position->shard, read->next);
    rest["MillisBehindLatest"] = read->millis_behind;
    if (read->drained) rest["ChildShards"] = children_json(stream, shard);
    if (request.call.is_json()) {
        aws::Reply answer;
        answer.json = records_text(*read, shard, rest);
        return answer;
    }
    Json records = Json::array();
    for (const queue::Record& record : read->records)
        records.push_back({{"SequenceNumber", stream::to_text(shard.number(record.sequence_number,
                                                                           record.arrived_ms))},
                           {"ApproximateArrivalTimestamp", request.time(record.arrived_ms)},
                           {"Data", aws::blob(request.call.wire, record.data)},
                           {"PartitionKey", record.partition_key}});
    rest["Records"] = std::move(records);
    return aws::reply(std::move(rest));
}

}  // namespace

Json children_json(const StreamInfo& stream, const Shard& parent) {
    Json children = Json::array();
    for (const Shard& child : stream.shards) {
        if (child.parent != parent.index && child.adjacent_parent != parent.index) continue;
        Json parents = Json::array({stream::shard_name(*child.parent)});
        if (child.adjacent_parent) parents.push_back(stream::shard_name(*child.adjacent_parent));
        children.push_back({{"ShardId", stream::shard_name(child.index)},
                            {"ParentShards", std::move(parents)},
                            {"HashKeyRange",
                             {{"StartingHashKey", stream::decimal(child.first)},
                              {"EndingHashKey", stream::decimal(child.last)}}}});
    }
    return children;
}

aws::Outcome<std::uint64_t> starting_place(const Request& request, const StreamInfo& stream,
                                           std::uint32_t index) {
    const Shard& shard = stream.shards[index];
    const std::string type = request.text("ShardIteratorType");
    if (request.has("StartingSequenceNumber")) return place_of_number(request, stream, shard);
    if (type == "TRIM_HORIZON") return std::uint64_t{0};
    if (type == "AT_TIMESTAMP") return place_of_time(request, stream, shard);
    if (type != "LATEST") return contradicting(request, false);
    const auto tip = request.streams.tip(stream.name, index);
    if (!tip) return refuse_for(request.call, stream.name, tip.error());
    return tip->end;
}

std::vector<Operation> record_operations(std::size_t record_bytes) {
    using aws::Type;
    static const auto is_number = [](std::string_view text) {
        if (text.empty() || text.size() > 129) return false;
        if (text[0] == '0') return text.size() == 1;
        return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    };
    const aws::Shape sequence = {.pattern = "0|([1-9]\\d{0,128})", .matches = is_number};
    const aws::Member key = {"PartitionKey", {.needed = true, .length_min = 1, .length_max = 256}};
    const aws::Member data = {"Data",
                              {.type = Type::blob, .needed = true, .length_max = record_bytes}};
    const aws::Member hash = {"ExplicitHashKey", hash_key(false)};
    const aws::Member records = {
        "Records",
        {.type = Type::list,
         .needed = true,
         .length_min = 1,
         .length_max = 500,
         .shown_as = "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310",
         .members = {key, hash, data}}};
    return {{"PutRecord",
             {{"SequenceNumberForOrdering", sequence}, key, hash, data, stream_name()},
             put_record},
            {"PutRecords", {records, stream_name()}, put_records},
            {"GetShardIterator",
             {shard_id("ShardId"),
              {"ShardIteratorType",
               {.needed = true,
                .values = {"AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER",
                           "TRIM_HORIZON"}}},
              {"StartingSequenceNumber", sequence},
              stream_name(),
              {"Timestamp", {.type = Type::timestamp}}},
             get_shard_iterator},
            {"GetRecords",
             {whole_number("Limit", false, 1, 10000),
              {"ShardIterator", {.needed = true, .length_min = 1, .length_max = 512}}},
             get_records}};
}

}  // namespace stroma::front::kinesis
