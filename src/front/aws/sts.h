#pragma once

#include "front/aws/port.h"

namespace stroma::front::aws {

/// Who am I, and keys for a while: what many tools ask before anything else. A role isn't more
/// than the caller: its keys act as the caller.
class Sts final : public Service {
public:
    Sts(TemporaryKeys& keys) : keys_(keys) {}
    std::string_view name() const override { return "sts"; }
    std::string_view target_prefix() const override { return {}; }
    std::string_view query_version() const override { return "2011-06-15"; }
    std::string_view xml_namespace() const override {
        return "https://sts.amazonaws.com/doc/2011-06-15/";
    }
    Outcome<Reply> call(Call& call) override;

private:
    TemporaryKeys& keys_;
};

}  // namespace stroma::front::aws
