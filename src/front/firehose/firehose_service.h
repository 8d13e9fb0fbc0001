#pragma once

#include "delivery/deliveries.h"
#include "front/aws/call.h"

namespace stroma::front::firehose {

/// Whether the principal may do that to the thing.
using Decide =
    std::function<Result<bool>(const catalog::Principal&, catalog::Action, const catalog::Thing&)>;

using OwnerOf = std::function<std::string(catalog::ThingKind, std::string_view name)>;

/// Firehose behind the port: records put or taken from a stream become objects in buckets.
class FirehoseService final : public aws::Service {
public:
    /// A delivery belongs to who made it. It reads its stream and writes into its buckets for them,
    /// so who makes it must be allowed to; `owner_of` says whose those are ("": nobody's known).
    FirehoseService(delivery::Deliveries& deliveries, Decide may, OwnerOf owner_of)
        : deliveries_(deliveries), may_(std::move(may)), owner_of_(std::move(owner_of)) {}

    std::string_view name() const override { return "firehose"; }
    std::string_view target_prefix() const override { return "Firehose_20150804"; }
    aws::Outcome<aws::Reply> call(aws::Call& call) override;

private:
    delivery::Deliveries& deliveries_;
    const Decide may_;
    const OwnerOf owner_of_;
};

}  // namespace stroma::front::firehose
