#pragma once

#include "delivery/deliveries.h"
#include "front/aws/call.h"

namespace stroma::front::firehose {

/// Firehose behind the port: records put or taken from a stream become objects in buckets.
class FirehoseService final : public aws::Service {
public:
    explicit FirehoseService(delivery::Deliveries& deliveries) : deliveries_(deliveries) {}

    std::string_view name() const override { return "firehose"; }
    std::string_view target_prefix() const override { return "Firehose_20150804"; }
    aws::Outcome<aws::Reply> call(aws::Call& call) override;

private:
    delivery::Deliveries& deliveries_;
};

}  // namespace stroma::front::firehose
