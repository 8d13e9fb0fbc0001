#pragma once

#include "app/site.h"
#include "front/api/api_domain.h"

namespace stroma::app {

/// The file of a request that has one, to be sent.
Result<front::api::StoredFile> stored_result(Site& site, const matrix::MatrixRequest& request);

}  // namespace stroma::app
