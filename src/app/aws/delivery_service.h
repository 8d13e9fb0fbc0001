#pragma once

#include <memory>

#include "app/settings.h"
#include "app/site.h"
#include "bucket/buckets.h"
#include "delivery/deliveries.h"
#include "front/firehose/firehose_service.h"
#include "stream/streams.h"

namespace stroma::app {

/// The site's deliveries behind the AWS port, in the folder "deliveries" of its data; their
/// objects go to buckets. Streams and buckets must outlive it.
class DeliveryService {
public:
    static Result<std::unique_ptr<DeliveryService>> open(Site& site, const Settings& settings,
                                                         stream::Streams& streams,
                                                         bucket::Buckets& buckets);
    ~DeliveryService();
    front::aws::Service& firehose();
    delivery::Deliveries& deliveries();
    /// Puts a record on the stream, or into the delivery, of an ARN.
    Result<void> put(stream::Streams& streams, const std::string& arn, const std::string& key,
                     const std::string& data);
    /// The stream or delivery of an ARN and whose it is; one of nobody when it isn't there, nothing
    /// for another kind of ARN.
    std::optional<catalog::Thing> find(stream::Streams& streams, const std::string& arn);
    void start();
    void stop();

private:
    struct State;
    explicit DeliveryService(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::app
