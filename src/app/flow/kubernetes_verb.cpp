#include <algorithm>
#include <memory>

#include "app/flow/flow_service.h"
#include "app/flow/flow_verbs.h"
#include "flow/definition.h"
#include "flow/pilot/kubernetes.h"
#include "flow/size_text.h"

namespace stroma::app {
namespace {

struct KubernetesOptions {
    std::string file, name, space, image, url, claim = "stroma-data", secret = "stroma-token";
    std::string mount, data, memory, idle = "60s", time, output;
    std::int64_t pilots = 1, cores = 0;
};

/// What the largest stage of the pipeline asks for.
Result<flow::Capacity> largest_stage(const std::string& file) {
    const std::string text = TRY(read_file(file, 1u << 20));
    const flow::Steps steps = TRY(own_steps());
    const auto definition = TRY(flow::definition_of(
        file, flow::read_definition(text, {}, &steps, whole_path(file).parent_path())));
    flow::Capacity most{.cores = 1, .memory_bytes = 0};
    for (const flow::Stage& stage : definition.stages) {
        most.cores = std::max(most.cores, stage.cores);
        most.memory_bytes = std::max(most.memory_bytes, stage.memory_bytes);
    }
    return most;
}

Result<void> run_kubernetes(const KubernetesOptions& options, Invocation& invocation) {
    flow::KubernetesOrder order{.name = options.name,
                                .space = options.space,
                                .image = options.image,
                                .pilots = static_cast<int>(options.pilots),
                                .size = TRY(largest_stage(options.file)),
                                .url = options.url,
                                .claim = options.claim,
                                .mount = options.mount,
                                .data = options.data.empty() ? options.mount : options.data,
                                .secret = options.secret,
                                .idle = TRY(flow::duration_in(options.idle))};
    if (!options.time.empty()) order.time = TRY(flow::duration_in(options.time));
    if (options.cores > 0) order.size.cores = static_cast<int>(options.cores);
    if (!options.memory.empty()) order.size.memory_bytes = TRY(flow::bytes_in(options.memory));
    const std::string yaml = TRY(flow::kubernetes_job(order));
    if (!options.output.empty()) return replace_file(options.output, as_bytes(yaml));
    invocation.terminal->print(yaml);
    return {};
}

}  // namespace

Verb flow_kubernetes_verb() {
    const auto options = std::make_shared<KubernetesOptions>();
    return {
        .name = "kubernetes",
        .summary = "Write a Kubernetes Job whose pods do tasks of a server's runs",
        .text =
            "Pods lease tasks until there are none for a while; there is no pod for a task. They "
            "see the data directory and the inputs, by a volume, under the same paths as the "
            "server, and have a token of an administrator from a secret. Each is as large as the "
            "pipeline's largest stage.",
        .examples =
            "  stroma pipeline kubernetes examples/pipelines/spots.yaml --name pilots --image "
            "registry.lab/stroma:1 \\\n"
            "    --url http://stroma.lab:8080 --mount /srv/lab --pilots 8 -o pilots.yaml\n"
            "  kubectl create secret generic stroma-token --from-literal=token=\"$TOKEN\"\n"
            "  kubectl apply -f pilots.yaml\n",
        .options = {{"file", &options->file, "FILE", "the pipeline, as YAML", {}, true},
                    {"--name", &options->name, "NAME", "of the Job", {}, true},
                    {"--image",
                     &options->image,
                     "IMAGE",
                     "of the container: with this program and what stages call",
                     {},
                     true},
                    {"--url", &options->url, "URL", "where pods reach the server", {}, true},
                    {"--mount",
                     &options->mount,
                     "DIR",
                     "where pods mount the volume: the server's own path of it",
                     {},
                     true},
                    {"--directory", &options->data, "DIR",
                     "the server's data directory in it; the mount itself when left out"},
                    {"--claim", &options->claim, "NAME", "persistent volume claim (stroma-data)"},
                    {"--secret", &options->secret, "NAME",
                     "whose key 'token' is the token (stroma-token)"},
                    {"--namespace", &options->space, "NAME", "where the Job is put"},
                    {"--pilots", &options->pilots, "N", "pods (1)"},
                    {"--cores", &options->cores, "N", "of each"},
                    {"--memory", &options->memory, "SIZE", "of each"},
                    {"--idle", &options->idle, "TIME",
                     "a pod without a task for so long ends (60s)"},
                    {"--time", &options->time, "TIME",
                     "that the Job may last; no limit when left out"},
                    {"-o,--output", &options->output, "FILE", "standard output when left out"}},
        .run = [options](Invocation& invocation) { return run_kubernetes(*options, invocation); },
        .data_use = DataUse::none};
}

}  // namespace stroma::app
