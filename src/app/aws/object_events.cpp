#include "app/aws/object_events.h"

#include "base/json.h"
#include "base/log.h"
#include "bucket/notification.h"

namespace stroma::app {
namespace {

std::string_view name_in(std::string_view arn) { return arn.substr(arn.rfind(':') + 1); }

Result<void> tell_queue(message::Queues& queues, sql::Connection& connection,
                        const bucket::NotificationRule& rule, const bucket::ObjectChange& change) {
    message::NewMessage message;
    message.body = bucket::event_message(rule, change);
    message.sender = "s3";
    const auto sent = queues.send_in(connection, name_in(rule.arn), message);
    if (sent || sent.error().code != ErrorCode::not_found) return sent.map([](const auto&) {});
    // A queue that was removed since doesn't keep objects out.
    log(LogLevel::warning, "a bucket's notification has nowhere to go",
        {{"bucket", change.bucket.name}, {"destination", rule.arn}});
    return {};
}

}  // namespace

bucket::Buckets::Listener object_events(message::Queues& queues, event::Events& events) {
    return [&queues, &events](sql::Connection& connection,
                              const bucket::ObjectChange& change) -> Result<void> {
        for (const auto& rule : TRY(bucket::rules_of(connection, change.bucket.name))) {
            if (!bucket::is_told(rule, change)) continue;
            if (!rule.arn.empty()) {
                TRY(tell_queue(queues, connection, rule, change));
                continue;
            }
            event::Event event;
            event.source = "aws.s3";
            event.detail_type = bucket::bus_detail_type(change.kind);
            event.detail = bucket::bus_detail(change);
            event.resources = {"arn:aws:s3:::" + change.bucket.name};
            event.region = change.bucket.region;
            TRY(events.publish_in(connection, event));
        }
        return {};
    };
}

}  // namespace stroma::app
