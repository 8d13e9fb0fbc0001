#pragma once

#include <functional>

#include "app/site.h"
#include "delivery/deliveries.h"
#include "redshift/engine.h"

namespace stroma::app {

/// Copies what deliveries bring into tables of the user database, as the deliveries' owners. The
/// batches that were taken are rows of stroma.delivery_ledger, written in the same transaction: a
/// batch is taken once however often it is brought. Site and engine outlive what is given back.
std::function<Result<void>(const delivery::WarehouseCopy& copy)> delivery_copies(
    Site& site, redshift::Engine& engine);

}  // namespace stroma::app
