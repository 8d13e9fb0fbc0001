#include "load/annotation_import.h"

#include "load/hca/gtf.h"

namespace stroma::loading {

bool is_annotation(const fs::path& path) {
    const std::string name = path.filename().string();
    return name.ends_with(".gtf") || name.ends_with(".gtf.gz");
}

Result<LoadedAnnotation> import_annotation(const fs::path& path, warehouse::Warehouse& warehouse) {
    const auto files = TRY(expression::open_input(path));
    GtfFeatures read = TRY(read_gtf(*files, files->name(), {}));
    LoadedAnnotation loaded{files->name(), 0, std::move(read.notes)};
    loaded.features = TRY(warehouse.load_features(read.rows, loaded.source));
    return loaded;
}

}  // namespace stroma::loading
