#include <fmt/format.h>

#include <memory>

#include "app/aws/aws_verbs.h"
#include "app/site.h"

namespace stroma::app {
namespace {

/// The address as clients reach it: of a server that runs here, or of the settings.
Result<std::string> endpoint_of(const Invocation& invocation, const std::string& given) {
    if (!given.empty()) return given;
    if (!invocation.data.empty())
        if (const auto running = TRY(read_server_address(invocation.data));
            running && !running->aws.empty())
            return running->aws;
    if (const std::string address = invocation.settings.text("aws.address"); !address.empty())
        return "http://" + address;
    return std::string("http://127.0.0.1:4566");
}

std::string env_text(const std::string& endpoint, const std::string& region) {
    const std::size_t scheme = endpoint.find("://");
    const std::string host = scheme == endpoint.npos ? endpoint : endpoint.substr(scheme + 3);
    const bool is_plain = endpoint.starts_with("http://");
    return fmt::format(
        "# Keys: stroma key create USER\n"
        "# Read by awscli 2.13, boto3 1.28, the JavaScript SDK 3.4xx and the Java SDK 2.21 and "
        "later:\n"
        "export AWS_ENDPOINT_URL={0}\n"
        "export AWS_REGION={1}\n"
        "export AWS_DEFAULT_REGION={1}\n"
        "# Older ones (Debian 12's awscli 2.9 and boto3 1.26, JavaScript SDK 2) don't read it and "
        "would call AWS itself;\n# nor does awscli 1 for sqs:\n"
        "alias aws='aws --endpoint-url {0}'\n"
        "# boto3: boto3.client('s3', endpoint_url='{0}')\n"
        "# JavaScript: new S3Client({{endpoint: '{0}', forcePathStyle: true}})\n"
        "# s3cmd: s3cmd --host={2} --host-bucket={2}{3}\n",
        endpoint, region, host, is_plain ? " --no-ssl" : "");
}

}  // namespace

Verb env_verb() {
    auto endpoint = std::make_shared<std::string>();
    return {
        .name = "env",
        .summary = "How AWS clients are pointed at this server, for a shell to read",
        .examples = "  eval \"$(stroma env --data lab)\"\n",
        .options = {{"--endpoint", endpoint.get(), "URL",
                     "as clients reach the port (default: the running server's)"}},
        .run = [endpoint](Invocation& invocation) -> Result<void> {
            const std::string url = TRY(endpoint_of(invocation, *endpoint));
            invocation.terminal->print(env_text(url, invocation.settings.text("aws.region")));
            return {};
        },
        .data_use = DataUse::optional,
    };
}

}  // namespace stroma::app
