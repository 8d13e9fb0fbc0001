// Until the sealer is there, so that this test program links; weak, so that it then gives way.
#include "expression/sealed_dataset.h"
namespace stroma::expression {
__attribute__((weak)) Result<DatasetSummary> seal_dataset(AnnotatedData&, File&, const SealOptions&,
                                                          const Watch&) {
    return fail(ErrorCode::unsupported, "there is no sealer yet");
}
}  // namespace stroma::expression
