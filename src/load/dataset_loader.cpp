#include "load/dataset_loader.h"

#include <set>

#include "base/log.h"
#include "image/image_files.h"
#include "load/count_check.h"

namespace stroma::loading {
namespace {

Result<catalog::Dataset> find_or_create(catalog::Catalog& catalog, const NewRevision& revision) {
    auto found = TRY(catalog.find_dataset(revision.dataset_name));
    if (!found) {
        auto created = catalog.create_dataset(revision.dataset_name, revision.title, revision.owner,
                                              revision.visibility);
        if (!created && created.error().code != ErrorCode::already_exists) return created;
        found = created ? *std::move(created)  // else another import was quicker
                        : TRY(catalog.find_dataset(revision.dataset_name));
        if (!found) return created;
    }
    if (revision.collection.empty() || !found->current_revision.empty()) return *std::move(found);
    found->collection = revision.collection;
    return catalog.update_dataset(*found);
}

}  // namespace

Result<std::optional<LoadedRevision>> DatasetLoader::find_loaded(std::string_view dataset_name,
                                                                 std::string_view content_key) {
    const auto dataset = TRY(catalog_.find_dataset(dataset_name));
    if (!dataset || dataset->current_revision.empty()) return std::nullopt;
    const auto current = TRY(catalog_.find_revision(dataset->current_revision));
    if (!current || current->content_key != content_key) return std::nullopt;
    return LoadedRevision{*dataset, *current, true};
}

Result<LoadedRevision> DatasetLoader::load(const NewRevision& revision) {
    // One load at a time: two of the same content must not both find it absent.
    const std::lock_guard one_at_a_time(mutex_);
    if (auto loaded = TRY(find_loaded(revision.dataset_name, revision.content_key))) {
        TRY(remove_file(revision.sealed));
        return *std::move(loaded);
    }
    LoadedRevision loaded{TRY(find_or_create(catalog_, revision)), {}, false};
    loaded.revision =
        TRY(catalog_.begin_revision(loaded.dataset.id, revision.content_key, revision.source));
    catalog::Revision& made = loaded.revision;
    made.object_key = RevisionFiles::object_key(made.id);

    const auto work = [&]() -> Result<void> {
        const auto info = TRY(objects_.put_file(made.object_key, revision.sealed, {}));
        made.object_etag = info.etag;
        const auto sealed = TRY(files_.open(made.id));
        made.cells = sealed->summary().cells;
        made.genes = sealed->summary().genes;
        if (const auto* x = sealed->summary().find("X")) made.nonzeros = x->nonzeros;
        for (const NewImage& image : revision.images) TRY(attach_image(made.id, image));
        loaded.warnings = TRY(put_rows(loaded.dataset, made, revision.bundle));
        return {};
    };
    if (auto done = work(); !done) {
        if (auto undone = remove_revision(made); !undone)
            log(LogLevel::error, "a failed load could not be undone; it is at the next start",
                {{"revision", made.id}, {"error", undone.error().message}});
        return fail(std::move(done.error()));
    }
    TRY(catalog_.publish_revision(made));
    made.state = catalog::RevisionState::ready;
    loaded.dataset.current_revision = made.id;
    return loaded;
}

Result<std::vector<std::string>> DatasetLoader::put_rows(const catalog::Dataset& dataset,
                                                         const catalog::Revision& revision,
                                                         const BundleRows* bundle) {
    const auto sealed = TRY(files_.open(revision.id));
    const expression::Frame obs = TRY(sealed->obs());
    const expression::Frame var = TRY(sealed->var());
    warehouse::RevisionRows rows;
    rows.dataset = dataset.id;
    rows.dataset_name = dataset.name;
    rows.revision = revision.id;
    rows.revision_number = revision.number;
    rows.obs = &obs;
    rows.var = &var;
    rows.source = revision.source;
    rows.content_key = revision.content_key;
    if (sealed->summary().find("X") != nullptr) {
        const auto matrix = TRY(sealed->matrix("X"));
        rows.cell_totals = TRY(matrix->cell_totals());
        rows.genes_detected = TRY(matrix->cell_lengths());
    }
    if (bundle != nullptr) bundle->add_to(rows);
    TRY(warehouse_.apply(rows));
    std::vector<std::string> warnings;
    if (auto warning = count_difference(obs, rows.cell_totals))
        warnings.push_back(*std::move(warning));
    return warnings;
}

Result<void> DatasetLoader::keep_source(std::string_view revision, const fs::path& file) {
    const std::lock_guard one_at_a_time(mutex_);
    const auto known = TRY(catalog_.find_revision(revision));
    if (!known || known->state != catalog::RevisionState::ready) return {};  // removed meanwhile
    return files_.put_source(revision, file);
}

Result<catalog::Image> DatasetLoader::attach_image(std::string_view revision,
                                                   const NewImage& image) {
    const std::lock_guard one_at_a_time(mutex_);
    for (catalog::Image& known : TRY(catalog_.images(revision)))
        if (known.name == image.name && known.content_key == image.content_key) {
            TRY(remove_file(image.file));
            return std::move(known);
        }
    const catalog::Image made{.id = ids_.uuid(),
                              .revision = std::string(revision),
                              .name = image.name,
                              .content_key = image.content_key,
                              .embedding = image.embedding,
                              .transform = image::to_text(image.transform),
                              .source = image.source};
    TRY(objects_.put_file(image::ImageFiles::object_key(made.id), image.file, {}));
    const auto work = [&]() -> Result<std::string> {
        TRY(images_.open(made.id));  // what a parser wrote isn't trusted
        return catalog_.put_image(made);
    };
    const auto former = work();
    if (!former) {
        TRY(images_.remove(made.id));
        return fail(former.error());
    }
    if (!former->empty()) TRY(images_.remove(*former));
    return made;
}

Result<void> DatasetLoader::remove_image(const catalog::Image& image) {
    TRY(catalog_.remove_image(image.id));
    return images_.remove(image.id);
}

Result<void> DatasetLoader::sweep_images() {
    std::set<std::string> kept;
    for (const catalog::Image& image : TRY(catalog_.all_images()))
        kept.insert(image::ImageFiles::object_key(image.id));
    object::ListOptions options{
        .prefix = std::string(image::ImageFiles::root), .delimiter = "", .after = ""};
    for (;;) {
        const object::ListPage page = TRY(objects_.list(options));
        for (const object::ObjectInfo& info : page.objects)
            if (!kept.contains(info.key)) TRY(objects_.remove(info.key));
        if (!page.next_after) return {};
        options.after = *page.next_after;
    }
}

Result<void> DatasetLoader::remove_revision(const catalog::Revision& revision) {
    TRY(warehouse_.remove(revision.id));
    for (const catalog::Image& image : TRY(catalog_.images(revision.id))) TRY(remove_image(image));
    TRY(files_.remove(revision.id));
    return catalog_.remove_revision(revision.id);
}

Result<void> DatasetLoader::remove_dataset(const catalog::Dataset& dataset) {
    const std::lock_guard one_at_a_time(mutex_);
    for (const catalog::Revision& revision : TRY(catalog_.revisions(dataset.id)))
        if (revision.state != catalog::RevisionState::removed) TRY(remove_revision(revision));
    return catalog_.withdraw_dataset(dataset.id);
}

Result<std::optional<catalog::Bundle>> DatasetLoader::loaded_bundle_of(
    const catalog::Dataset& dataset) {
    for (catalog::Bundle& bundle : TRY(catalog_.all_bundles()))
        if (bundle.dataset == dataset.id && bundle.state == "loaded") return std::move(bundle);
    return std::nullopt;
}

Result<void> DatasetLoader::give_up(const catalog::Dataset& dataset) {
    const std::lock_guard one_at_a_time(mutex_);
    auto bundle = TRY(loaded_bundle_of(dataset));
    TRY(remove_dataset(dataset));
    if (!bundle) return {};
    bundle->state = "lost";
    return catalog_.put_bundle(*bundle);
}

Result<void> DatasetLoader::restore_rows(const catalog::Dataset& dataset) {
    const std::lock_guard one_at_a_time(mutex_);
    if (TRY(loaded_bundle_of(dataset)))
        return fail(ErrorCode::not_found, "its donors, specimens and files are in no sealed file");
    const auto revision = TRY(catalog_.find_revision(dataset.current_revision));
    if (!revision) return fail(ErrorCode::not_found, "its revision is unknown");
    TRY(put_rows(dataset, *revision, nullptr));
    return {};
}

Result<void> DatasetLoader::recover() {
    for (catalog::Revision& revision : TRY(catalog_.pending_revisions())) {
        if (!TRY(warehouse_.has_revision(revision.id))) {
            TRY_WITH(remove_revision(revision), "undoing the unfinished revision " + revision.id);
            continue;
        }
        const auto opened = files_.open(revision.id);
        if (!opened && (opened.error().code == ErrorCode::corrupt ||
                        opened.error().code == ErrorCode::not_found)) {
            // Nobody was told that it is there: its job runs again.
            log(LogLevel::error, "an unfinished revision is damaged and is undone",
                {{"revision", revision.id}, {"error", opened.error().message}});
            TRY_WITH(remove_revision(revision), "undoing the damaged revision " + revision.id);
            continue;
        }
        const auto sealed = TRY(opened);
        const auto info = TRY(objects_.head(RevisionFiles::object_key(revision.id)));
        revision.object_key = RevisionFiles::object_key(revision.id);
        if (info) revision.object_etag = info->etag;
        revision.cells = sealed->summary().cells;
        revision.genes = sealed->summary().genes;
        if (const auto* x = sealed->summary().find("X")) revision.nonzeros = x->nonzeros;
        TRY_WITH(catalog_.publish_revision(revision), "finishing revision " + revision.id);
    }
    return sweep_images();
}

}  // namespace stroma::loading
