#include "app/aws/demo_pipe.h"

#include <fmt/format.h>

#include <algorithm>

namespace stroma::app {
namespace {

std::string arn(const AwsAccess& access, const char* service, std::string_view what) {
    return fmt::format("arn:aws:{}:{}:{}:{}", service, access.region, access.account, what);
}

/// Objects are told of in a queue, unless somebody has set the bucket to tell otherwise.
Result<void> have_landings_told(AwsClient& client, const DemoPipe& pipe) {
    const std::string bucket = fmt::format("/{}", pipe.name);
    const auto now = TRY(
        answered_well(client.s3("GET", bucket, {.query = {{"notification", ""}}}), "the bucket"));
    if (now.body.find("<Event>") != std::string::npos ||
        now.body.find("EventBridgeConfiguration") != std::string::npos)
        return {};
    const std::string asked = fmt::format(
        "<NotificationConfiguration><QueueConfiguration><Id>{1}</Id><Queue>{0}</Queue>"
        "<Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name>"
        "<Value>{2}</Value></FilterRule></S3Key></Filter></QueueConfiguration>"
        "</NotificationConfiguration>",
        arn(client.access(), "sqs", pipe.queue), pipe.queue, pipe.prefix);
    return answered_well(client.s3("PUT", bucket, {.query = {{"notification", ""}}, .body = asked}),
                         "the notification")
        .map([](const AwsAnswer&) {});
}

}  // namespace

Result<AwsAnswer> answered_well(Result<AwsAnswer> answer, const char* what,
                                std::initializer_list<std::string_view> fine) {
    if (!answer || answer->error.empty() || std::ranges::find(fine, answer->error) != fine.end())
        return answer;
    return fail(ErrorCode::unavailable,
                fmt::format("{}: {}: {}", what, answer->error, answer->message));
}

Result<void> make_pipe(AwsClient& client, const DemoPipe& pipe) {
    TRY(client.json("kinesis", "Kinesis_20131202.CreateStream",
                    {{"StreamName", pipe.name}, {"ShardCount", 2}}, {"ResourceInUseException"}));
    TRY(answered_well(client.s3("PUT", fmt::format("/{}", pipe.name)), "the bucket",
                      {"BucketAlreadyOwnedByYou"}));
    TRY(client.json("sqs", "AmazonSQS.CreateQueue", {{"QueueName", pipe.queue}},
                    {"QueueNameExists"}));
    TRY(have_landings_told(client, pipe));
    const std::string role = fmt::format("arn:aws:iam::{}:role/any", client.access().account);
    const Json processors = {{"Enabled", true},
                             {"Processors", {{{"Type", "AppendDelimiterToRecord"}}}}};
    TRY(client.json(
        "firehose", "Firehose_20150804.CreateDeliveryStream",
        {{"DeliveryStreamName", pipe.name},
         {"DeliveryStreamType", "KinesisStreamAsSource"},
         {"KinesisStreamSourceConfiguration",
          {{"KinesisStreamARN",
            arn(client.access(), "kinesis", fmt::format("stream/{}", pipe.name))},
           {"RoleARN", role}}},
         {"ExtendedS3DestinationConfiguration",
          {{"RoleARN", role},
           {"BucketARN", fmt::format("arn:aws:s3:::{}", pipe.name)},
           {"Prefix", pipe.prefix},
           {"ErrorOutputPrefix", "errors/"},
           {"BufferingHints", {{"SizeInMBs", 5}, {"IntervalInSeconds", pipe.interval_s}}},
           {"ProcessingConfiguration", processors}}}},
        {"ResourceInUseException"}));
    return {};
}

}  // namespace stroma::app
