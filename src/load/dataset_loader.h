#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "expression/sealed_dataset.h"
#include "image/placed_image.h"
#include "load/bundle_import.h"
#include "load/revision_files.h"
#include "object/object_store.h"
#include "warehouse/warehouse.h"

namespace stroma::image {
class ImageFiles;
}

namespace stroma::loading {

/// A stored image's file that is to lie under a revision's cells.
struct NewImage {
    fs::path file;  ///< taken over; gone afterwards
    std::string name;
    std::string embedding = "spatial";
    image::Transform transform = image::unchanged;
    std::string content_key;  ///< the same content in the same place is kept once
    std::string source;       ///< JSON object: what it was made from
};

/// A sealed file that is to become a dataset's next revision.
struct NewRevision {
    fs::path sealed;           ///< taken over; gone afterwards
    std::string dataset_name;  ///< made when it doesn't exist
    std::string title;
    std::string collection;  ///< id of the one that the dataset begins in; "": none
    std::string owner;
    catalog::Visibility visibility = catalog::Visibility::private_;
    std::string content_key;             ///< the same content under the same name is loaded once
    std::string source;                  ///< JSON object: what it was made from
    const BundleRows* bundle = nullptr;  ///< what a bundle brings beside
    std::vector<NewImage> images;        ///< that come with it
};

struct LoadedRevision {
    catalog::Dataset dataset;
    catalog::Revision revision;
    bool already_loaded = false;
    std::vector<std::string> warnings;  ///< what looks wrong, but was loaded
};

/// Makes revisions visible and takes them away, each in one step as readers see it: the
/// warehouse's transaction decides, and recover() finishes or undoes what a crash left between
/// object, warehouse and catalog. Any thread.
class DatasetLoader {
public:
    DatasetLoader(object::ObjectStore& objects, catalog::Catalog& catalog,
                  warehouse::Warehouse& warehouse, RevisionFiles& files, image::ImageFiles& images,
                  IdSource& ids)
        : objects_(objects),
          catalog_(catalog),
          warehouse_(warehouse),
          files_(files),
          images_(images),
          ids_(ids) {}

    /// Whether that content already is the current revision of a dataset of that name.
    Result<std::optional<LoadedRevision>> find_loaded(std::string_view dataset_name,
                                                      std::string_view content_key);
    /// The sealed file becomes an object, its rows go into the warehouse, the catalog names it.
    Result<LoadedRevision> load(const NewRevision& revision);
    Result<std::shared_ptr<const expression::SealedDataset>> open_revision(
        std::string_view revision) {
        return files_.open(revision);
    }
    /// Keeps the file that a revision came in as, under its own name; one that is there goes. The
    /// file is taken over; gone afterwards.
    Result<void> keep_source(std::string_view revision, const fs::path& file);
    /// Puts the image under the revision's cells; one of that name there goes. The same again gives
    /// what is there.
    Result<catalog::Image> attach_image(std::string_view revision, const NewImage& image);
    Result<void> remove_image(const catalog::Image& image);
    /// Takes every revision of the dataset away and leaves a tombstone. Repeats are harmless.
    Result<void> remove_dataset(const catalog::Dataset& dataset);
    /// The same for one whose content is damaged: its bundle, if it was one, may come again.
    Result<void> give_up(const catalog::Dataset& dataset);
    /// Puts the rows of the current revision into the warehouse again, from its sealed file.
    /// errors  not_found  what a bundle brought beside its cells is in no sealed file
    Result<void> restore_rows(const catalog::Dataset& dataset);
    /// For every revision that a crash left pending: in the ledger → publish; else → undo. Images
    /// that no revision has go.
    Result<void> recover();
    /// Held while a dataset is loaded or removed; whoever holds it sees the stores agree.
    std::recursive_mutex& load_mutex() { return mutex_; }

private:
    Result<void> sweep_images();
    Result<void> remove_revision(const catalog::Revision& revision);
    Result<std::optional<catalog::Bundle>> loaded_bundle_of(const catalog::Dataset& dataset);
    /// Gives what looks wrong.
    Result<std::vector<std::string>> put_rows(const catalog::Dataset& dataset,
                                              const catalog::Revision& revision,
                                              const BundleRows* bundle);

    object::ObjectStore& objects_;
    catalog::Catalog& catalog_;
    warehouse::Warehouse& warehouse_;
    RevisionFiles& files_;
    image::ImageFiles& images_;
    IdSource& ids_;
    std::recursive_mutex mutex_;  // a load that fails removes what it began
};

}  // namespace stroma::loading
