#include "app/answers/stored_result.h"

#include <unistd.h>

namespace stroma::app {

Result<front::api::StoredFile> stored_result(Site& site, const matrix::MatrixRequest& request) {
    const auto reader = TRY(site.matrices().open_result(request));
    auto stored = TRY(stored_object(*reader, request.file_name));
    stored.sha256 = request.sha256;
    return stored;
}

Result<front::api::StoredFile> stored_object(const object::ObjectReader& reader,
                                             const std::string& name) {
    const int descriptor = ::dup(reader.descriptor());
    if (descriptor < 0) return fail(error_from_errno("opening", name, errno));
    front::api::StoredFile stored;
    stored.file = std::make_shared<const File>(descriptor, name);
    stored.size_bytes = reader.info().size_bytes;
    stored.etag = reader.info().etag;
    stored.name = name;
    if (name.ends_with(".zip")) stored.media_type = "application/zip";
    return stored;
}

}  // namespace stroma::app
