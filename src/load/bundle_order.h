#pragma once

#include <span>
#include <string>

#include "catalog/catalog.h"

namespace stroma::loading {

/// What the bundle's home said: that a version exists, or that it (or, with version "", every
/// version) is gone.
struct BundleNotice {
    std::string uuid, version;
    bool is_removal = false;
};

enum class BundleAction {
    nothing,   ///< the state already is what the notice asks for, or a later one
    load,      ///< take this version in as the current one
    remove,    ///< take the loaded version away and remember that the notice's is gone
    remember,  ///< nothing is loaded; remember that it is gone
};

/// What a notice changes, given every version heard of. Notices may come in any order and any
/// number of times; the state that is left depends only on which ones came:
/// the newest created version is current, unless that or a newer one was removed. A removal of
/// every version ("") concerns what is loaded when it comes. Versions compare as text (they are
/// timestamps of one form).
BundleAction decide(std::span<const catalog::Bundle> known, const BundleNotice& notice);

}  // namespace stroma::loading
