#pragma once

#include "app/site.h"
#include "front/api/api_domain.h"

namespace stroma::app {

/// The file of a request that has one, to be sent.
Result<front::api::StoredFile> stored_result(Site& site, const matrix::MatrixRequest& request);
/// An object of a local store as such a file.
Result<front::api::StoredFile> stored_object(const object::ObjectReader& reader,
                                             const std::string& name);

}  // namespace stroma::app
