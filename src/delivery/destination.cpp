#include "delivery/destination.h"

#include <fmt/format.h>

#include "base/json.h"
#include "delivery/prefix.h"

namespace stroma::delivery {
namespace {

constexpr std::string_view bucket_arn = "arn:aws:s3:::";

tl::unexpected<Error> wrong(std::string message) {
    return fail(ErrorCode::invalid_input, std::move(message));
}

std::string text_in(const Json& of, std::string_view name) {
    const auto found = of.find(name);
    return found != of.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_in(const Json& of, std::string_view name) {
    const auto found = of.find(name);
    return found != of.end() && found->is_boolean() && found->get<bool>();
}

const Json& object_in(const Json& of, std::string_view name) {
    static const Json none = Json::object();
    const auto found = of.find(name);
    return found != of.end() && found->is_object() ? *found : none;
}

std::string parameter(const Json& processor, std::string_view name) {
    const auto list = processor.find("Parameters");
    if (list == processor.end() || !list->is_array()) return {};
    for (const Json& each : *list)
        if (text_in(each, "ParameterName") == name) return text_in(each, "ParameterValue");
    return {};
}

/// A delimiter is given as text with "\n" for a line's end.
std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 1 < text.size() &&
            (text[at + 1] == 'n' || text[at + 1] == 't'))
            plain += text[++at] == 'n' ? '\n' : '\t';
        else
            plain += text[at];
    }
    return plain;
}

Result<void> read_buffering(const Json& config, bool converts, int mib_max,
                            Destination& destination) {
    const Json& hints = object_in(config, "BufferingHints");
    const auto mib = hints.value("SizeInMBs", Json(converts ? 128 : 5));
    const auto seconds = hints.value("IntervalInSeconds", Json(300));
    if (!mib.is_number() || mib.get<double>() < 1 || mib.get<double>() > mib_max)
        return wrong(fmt::format("BufferingHints.SizeInMBs must be from 1 to {}", mib_max));
    if (!seconds.is_number() || seconds.get<double>() < 0 || seconds.get<double>() > 900)
        return wrong("BufferingHints.IntervalInSeconds must be from 0 to 900");
    destination.buffer_bytes = static_cast<std::uint64_t>(mib.get<double>() * 1048576.0);
    destination.buffer_time = Milliseconds{static_cast<std::int64_t>(seconds.get<double>() * 1000)};
    return {};
}

Result<void> read_processors(const Json& config, Destination& destination) {
    const Json& processing = object_in(config, "ProcessingConfiguration");
    if (!flag_in(processing, "Enabled") || !processing.contains("Processors")) return {};
    for (const Json& processor : processing["Processors"]) {
        const std::string type = text_in(processor, "Type");
        if (type == "MetadataExtraction") {
            const std::string engine = parameter(processor, "JsonParsingEngine");
            if (!engine.empty() && engine != "JQ-1.6")
                return wrong("JsonParsingEngine must be JQ-1.6");
            destination.query = JqQuery{.program = parameter(processor, "MetadataExtractionQuery")};
        } else if (type == "AppendDelimiterToRecord") {
            const std::string given = unescaped(parameter(processor, "Delimiter"));
            destination.delimiter = given.empty() ? "\n" : given;
        } else if (type == "RecordDeAggregation") {
            if (parameter(processor, "SubRecordType") != "JSON")
                return wrong("RecordDeAggregation is there for SubRecordType JSON only");
            destination.takes_apart = true;
        } else if (type == "Lambda") {
            const std::string arn = parameter(processor, "LambdaArn");
            const std::size_t at = arn.find(":function:");
            const std::string name = at == std::string::npos ? arn : arn.substr(at + 10);
            destination.transform = name.substr(0, name.find(':'));
            if (destination.transform.empty()) return wrong("LambdaArn names no function");
        } else {
            return wrong(fmt::format("the processor '{}' is not there", type));
        }
    }
    return {};
}

Result<void> read_conversion(const Json& config, Destination& destination) {
    const Json& conversion = object_in(config, "DataFormatConversionConfiguration");
    if (conversion.empty() || (conversion.contains("Enabled") && !flag_in(conversion, "Enabled")))
        return {};
    if (destination.compression != Compression::none)
        return wrong("CompressionFormat must be UNCOMPRESSED when formats are converted");
    if (object_in(object_in(conversion, "OutputFormatConfiguration"), "Serializer")
            .contains("OrcSerDe"))
        return wrong("records are converted to Parquet, not to ORC");
    TableShape shape;
    shape.columns =
        TRY_WITH(parse_columns(text_in(object_in(conversion, "SchemaConfiguration"), "TableName")),
                 "SchemaConfiguration.TableName");
    const Json& reader =
        object_in(object_in(conversion, "InputFormatConfiguration"), "Deserializer");
    shape.from_csv =
        text_in(object_in(conversion, "SchemaConfiguration"), "DatabaseName") == "csv" ||
        reader.contains("CsvSerDe");
    destination.table = std::move(shape);
    return {};
}

Result<void> read_backup(const Json& config, Destination& destination) {
    if (text_in(config, "S3BackupMode") != "Enabled") return {};
    const Json& asked = object_in(config, "S3BackupConfiguration");
    Backup backup;
    backup.bucket = TRY(bucket_of_arn(text_in(asked, "BucketARN")));
    backup.prefix = text_in(asked, "Prefix");
    backup.compression = TRY(compression_named(text_in(asked, "CompressionFormat")));
    destination.backup = std::move(backup);
    return {};
}

Result<void> check_prefixes(const Destination& destination) {
    const auto key_in = [](std::string_view prefix) {
        return uses(prefix, "partitionKeyFromQuery") || uses(prefix, "partitionKeyFromLambda");
    };
    if (has_expression(destination.prefix) && destination.error_prefix.empty())
        return wrong("ErrorOutputPrefix must be given when Prefix has expressions");
    if (has_expression(destination.error_prefix) &&
        destination.error_prefix.find("!{firehose:error-output-type}") == std::string::npos)
        return wrong(
            "ErrorOutputPrefix must have !{firehose:error-output-type} when it has "
            "expressions");
    if (key_in(destination.error_prefix))
        return wrong("ErrorOutputPrefix can't have partition keys");
    if (key_in(destination.prefix) && !destination.partitions)
        return wrong("Prefix has partition keys: DynamicPartitioningConfiguration must be enabled");
    if (destination.partitions && !key_in(destination.prefix))
        return wrong("Prefix must have a partition key when dynamic partitioning is enabled");
    if (uses(destination.prefix, "partitionKeyFromQuery") && !destination.query)
        return wrong(
            "Prefix has !{partitionKeyFromQuery:…}: a MetadataExtraction processor must be "
            "given");
    // Tried with any values, so that what can't be evaluated is refused now.
    PrefixValues values{.zone = destination.zone,
                        .error_type = "processing-failed",
                        .from_query = {},
                        .from_transform = {},
                        .random = [] { return std::string(11, 'x'); }};
    TRY(evaluate_prefix(destination.error_prefix, values));
    if (!destination.partitions) {
        values.error_type = "";
        TRY(evaluate_prefix(destination.prefix, values));
    }
    return {};
}

/// `processing` has the processors and the backup, `s3` what belongs to the bucket.
Result<Destination> read_s3(const Json& s3, const Json& processing, int mib_max) {
    Destination destination;
    destination.bucket = TRY(bucket_of_arn(text_in(s3, "BucketARN")));
    destination.prefix = text_in(s3, "Prefix");
    destination.error_prefix = text_in(s3, "ErrorOutputPrefix");
    destination.zone = text_in(s3, "CustomTimeZone");
    destination.extension = text_in(s3, "FileExtension");
    destination.compression = TRY(compression_named(text_in(s3, "CompressionFormat")));
    destination.partitions = flag_in(object_in(s3, "DynamicPartitioningConfiguration"), "Enabled");
    TRY(read_processors(processing, destination));
    TRY(read_conversion(s3, destination));
    TRY(read_buffering(s3, destination.table.has_value(), mib_max, destination));
    TRY(read_backup(processing, destination));
    TRY(check_prefixes(destination));
    return destination;
}

Result<void> read_retries(const Json& config, int seconds_usual, Destination& destination) {
    const auto seconds =
        object_in(config, "RetryOptions").value("DurationInSeconds", Json(seconds_usual));
    if (!seconds.is_number() || seconds.get<double>() < 0 || seconds.get<double>() > 7200)
        return wrong("RetryOptions.DurationInSeconds must be from 0 to 7200");
    destination.retry_time = Milliseconds{static_cast<std::int64_t>(seconds.get<double>() * 1000)};
    return {};
}

/// The bucket takes what the endpoint doesn't, or all raw records too.
Result<Destination> read_http(const Json& config) {
    Json s3 = object_in(config, "S3Configuration");
    Json processing = config;
    if (text_in(config, "S3BackupMode") == "AllData") {
        processing["S3BackupMode"] = "Enabled";
        processing["S3BackupConfiguration"] = s3;
    } else {
        processing.erase("S3BackupMode");
    }
    s3.erase("DynamicPartitioningConfiguration");
    s3["BufferingHints"] = object_in(config, "BufferingHints");
    Destination destination = TRY(read_s3(s3, processing, 64));
    const Json& asked = object_in(config, "EndpointConfiguration");
    HttpEndpoint endpoint{
        .url = text_in(asked, "Url"), .access_key = text_in(asked, "AccessKey"), .attributes = {}};
    if (!endpoint.url.starts_with("https://") && !endpoint.url.starts_with("http://"))
        return wrong("EndpointConfiguration.Url must be an address of http or https");
    const Json& request = object_in(config, "RequestConfiguration");
    const std::string encoding = text_in(request, "ContentEncoding");
    if (encoding != "" && encoding != "NONE" && encoding != "GZIP")
        return wrong("RequestConfiguration.ContentEncoding must be NONE or GZIP");
    endpoint.gzip = encoding == "GZIP";
    if (const auto found = request.find("CommonAttributes");
        found != request.end() && found->is_array())
        for (const Json& each : *found)
            endpoint.attributes[text_in(each, "AttributeName")] = text_in(each, "AttributeValue");
    if (endpoint.attributes.size() > 50)
        return wrong("RequestConfiguration.CommonAttributes has more than 50 attributes");
    destination.http = std::move(endpoint);
    TRY(read_retries(config, 300, destination));
    return destination;
}

/// Objects lie in the bucket until the table has taken them.
Result<Destination> read_warehouse(const Json& config) {
    const Json& s3 = object_in(config, "S3Configuration");
    Destination destination = TRY(read_s3(s3, config, 128));
    if (has_expression(destination.prefix))
        return wrong("Prefix can't have expressions when Redshift is the destination");
    if (destination.compression != Compression::none &&
        destination.compression != Compression::gzip)
        return wrong(
            "CompressionFormat must be UNCOMPRESSED or GZIP when Redshift is the destination");
    const Json& copy = object_in(config, "CopyCommand");
    WarehouseTable table{.table = text_in(copy, "DataTableName"),
                         .columns = text_in(copy, "DataTableColumns"),
                         .options = text_in(copy, "CopyOptions"),
                         .role = text_in(config, "RoleARN")};
    if (table.table.empty()) return wrong("CopyCommand.DataTableName must be given");
    destination.warehouse = std::move(table);
    TRY(read_retries(config, 3600, destination));
    return destination;
}

using ReadDestination = Result<Destination> (*)(const Json&);
constexpr std::pair<std::string_view, ReadDestination> other_destinations[] = {
    {"HttpEndpointDestinationConfiguration", read_http},
    {"RedshiftDestinationConfiguration", read_warehouse}};

}  // namespace

Result<void> check_destination(std::string_view json) {
    const Destination destination = TRY(parse_destination(json));
    if (destination.query) TRY(destination.query->check());
    return {};
}

Result<std::string> bucket_of_arn(std::string_view arn) {
    if (!arn.starts_with(bucket_arn) || arn.size() == bucket_arn.size())
        return wrong(fmt::format("'{}' is not the ARN of a bucket", arn));
    return std::string(arn.substr(bucket_arn.size()));
}

Result<Destination> parse_destination(std::string_view json) {
    const Json config = TRY(parse_json(json));
    for (const auto& [name, read] : other_destinations)
        if (const Json& other = object_in(config, name); !other.empty()) return read(other);
    return read_s3(config, config, 128);
}

}  // namespace stroma::delivery
