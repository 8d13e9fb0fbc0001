#pragma once

#include <cstdint>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "flow/admission.h"

namespace stroma::flow {

/// A Kubernetes Job whose pods are workers of a server.
struct KubernetesOrder {
    std::string name, space;  ///< of the Job and its namespace; "" is kubectl's own
    std::string image;        ///< with the program and what stages call
    int pilots = 1;           ///< pods, all at once
    Capacity size;            ///< of each
    std::string url;          ///< where pods reach the server
    std::string claim;        ///< persistent volume claim with the data directory and the inputs
    std::string mount;        ///< whole path of it in pods: the same that the server knows
    std::string data;         ///< whole path of the data directory, at or below `mount`
    std::string secret;       ///< whose key "token" is a token of an administrator
    Milliseconds idle{60'000};
    Milliseconds time{0};  ///< that the Job may last; 0: no limit
};

/// The Job as YAML, of the API batch/v1 as Kubernetes 1.29 and later have it: indexed, a pod that
/// fails is replaced up to three times, one that its node drives out always.
/// errors  invalid_input  a name, path or number that Kubernetes wouldn't take: says which
Result<std::string> kubernetes_job(const KubernetesOrder& order);

}  // namespace stroma::flow
