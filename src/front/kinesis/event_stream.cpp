#include "front/kinesis/event_stream.h"

#include <array>

#include "base/json.h"
#include "front/aws/cbor.h"
#include "front/http/message.h"
#include "front/kinesis/operation.h"

namespace stroma::front::kinesis {
namespace {

constexpr std::int64_t subscription_ms = 300'000;
constexpr Milliseconds heartbeat{5'000};
constexpr int event_records_max = 1000;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xedb88320u ^ value >> 1 : value >> 1;
        table[i] = value;
    }
    return table;
}
constexpr auto crc_table = make_crc_table();

std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = ~0u;
    for (const char c : bytes)
        crc = crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ crc >> 8;
    return ~crc;
}

void put_big_endian(std::string& to, std::uint32_t value, int bytes = 4) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        to.push_back(static_cast<char>(value >> shift));
}

void put_header(std::string& to, std::string_view name, std::string_view value) {
    to.push_back(static_cast<char>(name.size()));
    to += name;
    to.push_back(7);  // a text
    put_big_endian(to, static_cast<std::uint32_t>(value.size()), 2);
    to += value;
}

std::string framed(std::string_view kind, std::string_view type, std::string_view content_type,
                   std::string_view payload) {
    std::string headers;
    put_header(headers, ":message-type", kind);
    put_header(headers, ":" + std::string(kind) + "-type", type);
    put_header(headers, ":content-type", content_type);
    std::string message;
    put_big_endian(message, static_cast<std::uint32_t>(16 + headers.size() + payload.size()));
    put_big_endian(message, static_cast<std::uint32_t>(headers.size()));
    put_big_endian(message, crc32(message));
    message += headers;
    message += payload;
    put_big_endian(message, crc32(message));
    return message;
}

Json records_json(const stream::Reading& reading, const stream::Shard& shard, aws::Wire wire) {
    Json records = Json::array();
    for (const queue::Record& record : reading.records)
        records.push_back({{"SequenceNumber", stream::to_text(shard.number(record.sequence_number,
                                                                           record.arrived_ms))},
                           {"ApproximateArrivalTimestamp", aws::timestamp(wire, record.arrived_ms)},
                           {"Data", aws::blob(wire, record.data)},
                           {"PartitionKey", record.partition_key}});
    return records;
}

std::string event(aws::Wire wire, std::string_view type, const Json& payload,
                  bool is_exception = false) {
    const bool cbor = wire == aws::Wire::cbor_1_1;
    const auto message = is_exception ? exception_message : event_message;
    return message(type, cbor ? "application/x-amz-cbor-1.1" : "application/x-amz-json-1.1",
                   cbor ? aws::write_cbor(payload)
                        : payload.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<void> send_shard(stream::Streams& streams, Subscribed subscribed, aws::Wire wire,
                        const std::stop_token& left, http::BodyWriter& out) {
    stream::Position& position = subscribed.position;
    TRY(out.write(as_bytes(event(wire, "initial-response", Json::object()))));
    const std::int64_t until = streams.now_ms() + subscription_ms;
    std::uint64_t seen = 0;
    while (!left.stop_requested() && streams.now_ms() < until) {
        seen = streams.wait_for_change(position.stream, seen, Milliseconds{0}, left);
        if (!streams.is_subscribed(position.stream, subscribed.consumer, position.shard,
                                   subscribed.number))
            return out.write(as_bytes(
                event(wire, "ResourceInUseException",
                      {{"message", "The consumer has subscribed to the shard anew."}}, true)));
        auto reading = streams.read(position, event_records_max);
        if (!reading) return fail(std::move(reading.error()));
        const stream::Shard& shard = reading->stream->shards[position.shard];
        Json payload = {{"Records", records_json(*reading, shard, wire)},
                        {"ContinuationSequenceNumber",
                         stream::to_text(shard.number(reading->next - 1, streams.now_ms()))},
                        {"MillisBehindLatest", reading->millis_behind}};
        if (reading->drained) {
            payload["ChildShards"] = children_json(*reading->stream, shard);
            payload.erase("ContinuationSequenceNumber");
        }
        TRY(out.write(as_bytes(event(wire, "SubscribeToShardEvent", payload))));
        if (reading->drained) return {};
        position.from = reading->next;
        if (reading->records.empty() || reading->millis_behind == 0)
            streams.wait_for_change(position.stream, seen, heartbeat, left);
    }
    return {};
}

}  // namespace

std::string event_message(std::string_view event_type, std::string_view content_type,
                          std::string_view payload) {
    return framed("event", event_type, content_type, payload);
}

std::string exception_message(std::string_view type, std::string_view content_type,
                              std::string_view payload) {
    return framed("exception", type, content_type, payload);
}

std::function<Result<void>(http::BodyWriter&)> subscription(stream::Streams& streams,
                                                            Subscribed subscribed, aws::Wire wire,
                                                            std::stop_token left) {
    return [&streams, subscribed = std::move(subscribed), wire, left](http::BodyWriter& out) {
        return send_shard(streams, subscribed, wire, left, out);
    };
}

}  // namespace stroma::front::kinesis
