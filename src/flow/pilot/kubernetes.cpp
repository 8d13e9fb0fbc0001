#include "flow/pilot/kubernetes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace stroma::flow {
namespace {

constexpr int pilots_max = 10'000;
/// Beside its tasks: the worker itself, and what the system keeps of files it writes.
constexpr std::uint64_t worker_bytes = 256u << 20;

/// Lower-case letters, digits and '-', at most 63, as names of objects must be.
bool is_label(const std::string& name) {
    const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= 63 && is_plain(name.front()) && is_plain(name.back()) &&
           std::ranges::all_of(name, [&](char c) { return is_plain(c) || c == '-'; });
}

Result<void> check_label(const char* option, const std::string& name) {
    if (is_label(name)) return {};
    return fail(
        ErrorCode::invalid_input,
        fmt::format("{}: '{}' can't be a name in Kubernetes; lower-case letters, digits and "
                    "'-', at most 63",
                    option, name));
}

Result<void> check(const KubernetesOrder& order) {
    const auto wrong = [](std::string text) -> Result<void> {
        return fail(ErrorCode::invalid_input, std::move(text));
    };
    TRY(check_label("--name", order.name));
    // Pods are called after the Job with their number and five letters behind it.
    if (order.name.size() > 50) return wrong("--name: at most 50 letters");
    if (!order.space.empty()) TRY(check_label("--namespace", order.space));
    TRY(check_label("--claim", order.claim));
    TRY(check_label("--secret", order.secret));
    if (order.image.empty() || order.image.find_first_of(" \t\n") != std::string::npos)
        return wrong(fmt::format("--image: '{}' names no image", order.image));
    if (!order.url.starts_with("http://") && !order.url.starts_with("https://"))
        return wrong(
            fmt::format("--url: '{}' isn't where pods reach the server, like "
                        "http://stroma.lab:8080",
                        order.url));
    if (order.pilots < 1 || order.pilots > pilots_max)
        return wrong(fmt::format("--pilots is 1 to {}", pilots_max));
    if (order.size.cores < 1 || order.size.memory_bytes < (16u << 20))
        return wrong("a pod needs a core and 16 MiB at least");
    if (!order.mount.starts_with('/') || order.mount.find(':') != std::string::npos)
        return wrong(fmt::format("--mount: '{}' isn't a whole path without ':'", order.mount));
    const std::string below = order.mount == "/" ? "/" : order.mount + "/";
    if (order.data != order.mount && !order.data.starts_with(below))
        return wrong(fmt::format("the data directory {} must lie in what pods mount, {}",
                                 order.data, order.mount));
    return {};
}

/// A text as YAML takes it whatever is in it: JSON's form is one of YAML's.
std::string text_of(const std::string& text) { return Json(text).dump(); }

std::string list_of(const std::vector<std::string>& words, int indent) {
    std::string text;
    for (const std::string& word : words)
        text += fmt::format("{:{}}- {}\n", "", indent, text_of(word));
    return text;
}

std::string mebibytes(std::uint64_t bytes) {
    return fmt::format("{}Mi", (bytes + (1u << 20) - 1) >> 20);
}

std::string job_head(const KubernetesOrder& order) {
    std::string text = "apiVersion: batch/v1\nkind: Job\nmetadata:\n";
    text += fmt::format("  name: {}\n", text_of(order.name));
    if (!order.space.empty()) text += fmt::format("  namespace: {}\n", text_of(order.space));
    text +=
        "  labels:\n    app.kubernetes.io/name: \"stroma\"\n"
        "    app.kubernetes.io/component: \"pilot\"\n";
    text += fmt::format(
        "spec:\n  completionMode: Indexed\n  completions: {0}\n  parallelism: {0}\n"
        "  backoffLimitPerIndex: 3\n  maxFailedIndexes: {0}\n  ttlSecondsAfterFinished: 86400\n",
        order.pilots);
    if (order.time.count() > 0)
        text += fmt::format("  activeDeadlineSeconds: {}\n",
                            std::max<std::int64_t>(1, order.time.count() / 1000));
    // A pod that its node had to drive out isn't a failure.
    text +=
        "  podFailurePolicy:\n    rules:\n      - action: Ignore\n        onPodConditions:\n"
        "          - type: DisruptionTarget\n            status: \"True\"\n";
    return text;
}

}  // namespace

Result<std::string> kubernetes_job(const KubernetesOrder& order) {
    TRY(check(order));
    std::string text = job_head(order);
    text +=
        "  template:\n    metadata:\n      labels:\n"
        "        app.kubernetes.io/name: \"stroma\"\n"
        "        app.kubernetes.io/component: \"pilot\"\n"
        "    spec:\n      restartPolicy: Never\n      terminationGracePeriodSeconds: 30\n"
        "      enableServiceLinks: false\n      automountServiceAccountToken: false\n"
        "      containers:\n        - name: worker\n";
    text += fmt::format("          image: {}\n          command:\n", text_of(order.image));
    text += list_of({"stroma", "pipeline", "worker", "--data", order.data, "--url", order.url,
                     "--name", "$(POD_NAME)", "--cores", std::to_string(order.size.cores),
                     "--memory", std::to_string(order.size.memory_bytes), "--idle",
                     std::to_string(std::max<std::int64_t>(1, order.idle.count() / 1000))},
                    12);
    text += fmt::format(
        "          env:\n            - name: POD_NAME\n              valueFrom:\n"
        "                fieldRef:\n                  fieldPath: metadata.name\n"
        "            - name: STROMA_TOKEN\n              valueFrom:\n"
        "                secretKeyRef:\n                  name: {}\n                  key: token\n",
        text_of(order.secret));
    const std::string memory = mebibytes(order.size.memory_bytes + worker_bytes);
    text += fmt::format(
        "          resources:\n            requests:\n              cpu: \"{0}\"\n"
        "              memory: \"{1}\"\n            limits:\n              cpu: \"{0}\"\n"
        "              memory: \"{1}\"\n",
        order.size.cores, memory);
    text += fmt::format(
        "          volumeMounts:\n            - name: data\n              mountPath: {}\n"
        "      volumes:\n        - name: data\n          persistentVolumeClaim:\n"
        "            claimName: {}\n",
        text_of(order.mount), text_of(order.claim));
    return text;
}

}  // namespace stroma::flow
