#pragma once

#include <memory>

#include "base/context.h"
#include "bucket/buckets.h"
#include "catalog/catalog.h"
#include "redshift/lake.h"

namespace stroma::app {

/// The buckets of the AWS port as what COPY and UNLOAD read and write. A bucket is read and changed
/// by its owner and by administrators; bucket policies don't reach here. All three outlive it.
std::shared_ptr<redshift::Lake> bucket_lake(bucket::Buckets& buckets, catalog::Catalog& catalog,
                                            IdSource& ids);

}  // namespace stroma::app
