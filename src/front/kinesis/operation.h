#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "front/aws/call.h"
#include "front/aws/shapes.h"
#include "front/kinesis/kinesis_service.h"
#include "stream/streams.h"

namespace stroma::front::kinesis {

/// What an operation is called with: parameters have been checked, and have a StreamName where
/// one is needed.
struct Request {
    stream::Streams& streams;
    const aws::Call& call;
    const Json& parameters;
    const Decide& may;

    std::string text(std::string_view name) const;  ///< "" when it isn't there
    std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
    bool has(std::string_view name) const { return parameters.contains(name); }
    std::string stream() const { return text("StreamName"); }
    /// ResourceNotFoundException
    aws::Outcome<std::shared_ptr<const stream::StreamInfo>> find() const;
    std::string arn(std::string_view stream_name) const;
    /// AccessDeniedException
    aws::Outcome<void> allow(catalog::Action action, const stream::StreamInfo& stream) const;
    Json time(std::int64_t unix_ms) const { return aws::timestamp(call.wire, unix_ms); }
};

struct Operation {
    std::string_view name;
    aws::Members members;
    aws::Outcome<aws::Reply> (*run)(const Request&);
};

std::vector<Operation> stream_operations();
std::vector<Operation> setting_operations();
std::vector<Operation> shard_operations();
/// `record_bytes`: of the largest record.
std::vector<Operation> record_operations(std::size_t record_bytes);
std::vector<Operation> consumer_operations();

// ---- shapes that many operations have -----------------------------------------------------------

aws::Member stream_name(bool needed = true);
aws::Member shard_id(std::string_view name, bool needed = true);
aws::Member whole_number(std::string_view name, bool needed, double at_least, double at_most);
aws::Member any_text(std::string_view name);
aws::Shape hash_key(bool needed);

// ---- refusals and answers -----------------------------------------------------------------------

tl::unexpected<aws::Fault> no_stream(const aws::Call& call, std::string_view name);
tl::unexpected<aws::Fault> no_shard(const aws::Call& call, std::string_view shard,
                                    std::string_view stream);
tl::unexpected<aws::Fault> not_active(const aws::Call& call, const stream::StreamInfo& stream,
                                      stream::Status status);
tl::unexpected<aws::Fault> invalid_argument(std::string message);
/// An error of the domain for that stream.
tl::unexpected<aws::Fault> refuse_for(const aws::Call& call, std::string_view stream,
                                      const Error& error);
std::string_view status_name(stream::Status status);
/// The shards that are told of; none while the stream is being made.
std::vector<stream::Shard> told_shards(const stream::StreamInfo& stream, std::int64_t now_ms);
Json shard_json(const stream::Shard& shard);
/// A shard by its name, told of. ResourceNotFoundException
aws::Outcome<std::uint32_t> known_shard(const Request& request, const stream::StreamInfo& stream,
                                        std::string_view name);
/// Where a read begins that was asked for as GetShardIterator is.
aws::Outcome<std::uint64_t> starting_place(const Request& request, const stream::StreamInfo& stream,
                                           std::uint32_t shard);
/// ChildShards: those that a closed shard became.
Json children_json(const stream::StreamInfo& stream, const stream::Shard& parent);
/// LimitExceededException when that many more shards are too many.
aws::Outcome<void> room_for_shards(const Request& request, int more);
inline aws::Reply nothing() {
    aws::Reply empty;
    empty.no_content = true;
    return empty;
}

/// PutRecord and PutRecords on the JSON wires, when all is as usual; nothing when it isn't, and
/// then nothing was done.
std::optional<aws::Outcome<aws::Reply>> fast_put(stream::Streams& streams, const aws::Call& call,
                                                 const Decide& may);

}  // namespace stroma::front::kinesis
