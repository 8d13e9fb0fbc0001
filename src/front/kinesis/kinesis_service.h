#pragma once

#include "front/aws/call.h"
#include "stream/streams.h"

namespace stroma::front::kinesis {

/// Kinesis Data Streams behind the port: JSON 1.1 and CBOR. Errors have AWS's names and texts.
class KinesisService final : public aws::Service {
public:
    explicit KinesisService(stream::Streams& streams) : streams_(streams) {}

    std::string_view name() const override { return "kinesis"; }
    std::string_view target_prefix() const override { return "Kinesis_20131202"; }
    aws::Outcome<aws::Reply> call(aws::Call& call) override;

private:
    stream::Streams& streams_;
};

}  // namespace stroma::front::kinesis
