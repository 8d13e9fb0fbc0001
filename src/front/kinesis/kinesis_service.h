#pragma once

#include "front/aws/call.h"
#include "stream/streams.h"

namespace stroma::front::kinesis {

/// Whether the principal may do that to the thing.
using Decide =
    std::function<Result<bool>(const catalog::Principal&, catalog::Action, const catalog::Thing&)>;

/// Kinesis Data Streams behind the port: JSON 1.1 and CBOR. Errors have AWS's names and texts.
class KinesisService final : public aws::Service {
public:
    /// A stream belongs to who made it.
    KinesisService(stream::Streams& streams, Decide may)
        : streams_(streams), may_(std::move(may)) {}

    std::string_view name() const override { return "kinesis"; }
    std::string_view target_prefix() const override { return "Kinesis_20131202"; }
    aws::Outcome<aws::Reply> call(aws::Call& call) override;

private:
    stream::Streams& streams_;
    const Decide may_;
};

}  // namespace stroma::front::kinesis
