#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace stroma::front::aws {

struct Certificate {
    std::string certificate, key;  ///< PEM
};

/// A fresh key (P-256) and a certificate that it signs itself, for a year, for those host names and
/// IP addresses. Nobody trusts it until told to.
Result<Certificate> self_signed(const std::vector<std::string>& names);

}  // namespace stroma::front::aws
