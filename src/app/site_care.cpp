#include <fmt/format.h>

#include <algorithm>

#include "app/backup_stage.h"
#include "app/site.h"
#include "app/site_state.h"
#include "base/json.h"
#include "object/disk/disk_store.h"
#include "queue/segments/segment_stream.h"
#include "sql/duckdb/duckdb_database.h"

// Looking after a data directory: verify, backup, restore.

namespace stroma::app {
namespace {

/// Every object of the store, page by page, but what can be made again from others: a damaged one
/// of those is found when it is opened, and made anew.
Result<std::vector<object::ObjectInfo>> all_objects(object::ObjectStore& store) {
    std::vector<object::ObjectInfo> all;
    object::ListOptions options;
    while (true) {
        object::ListPage page = TRY(store.list(options));
        for (object::ObjectInfo& info : page.objects)
            if (!info.key.starts_with(loading::RevisionFiles::derived_root))
                all.push_back(std::move(info));
        if (!page.next_after) return all;
        options.after = *page.next_after;
    }
}

void note(std::vector<std::string>& found, const Result<void>& checked) {
    if (!checked) found.push_back(checked.error().message);
}

Result<void> copy_object(object::ObjectStore& from, object::ObjectStore& to,
                         const object::ObjectInfo& info) {
    const auto reader = TRY(from.open(info.key));
    const auto writer = TRY(to.begin_put(
        info.key, {.condition = {}, .content_type = info.content_type, .metadata = info.metadata}));
    Bytes piece(std::min<std::uint64_t>(reader->info().size_bytes, 4u << 20));
    for (std::uint64_t at = 0; at < reader->info().size_bytes; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(piece.size(), reader->info().size_bytes - at));
        TRY(reader->read_at(at, piece));
        TRY(writer->write(piece));
    }
    TRY(writer->commit());
    return {};
}

bool is_cancelled(const expression::Watch& watch) { return watch.cancelled && watch.cancelled(); }

Result<void> copy_objects(object::ObjectStore& from, const fs::path& folder, const Clock& clock,
                          const expression::Watch& watch) {
    auto copies = TRY(object::DiskStore::open(folder, clock));
    const auto objects = TRY(all_objects(from));
    std::size_t done = 0;
    for (const auto& info : objects) {
        if (is_cancelled(watch)) return fail(ErrorCode::cancelled, "the backup was stopped");
        auto copied = copy_object(from, *copies, info);
        if (!copied && copied.error().code != ErrorCode::not_found)  // removed meanwhile
            return fail(std::move(copied.error()).with("copying " + info.key));
        if (watch.progress)
            watch.progress(static_cast<double>(++done), static_cast<double>(objects.size()),
                           "objects");
    }
    return {};
}

/// The named ones that have content, or all.
Result<std::vector<catalog::Dataset>> datasets_with_content(Site::State& state,
                                                            const std::vector<std::string>& names) {
    for (const std::string& name : names)
        if (!TRY(state.catalog->find_dataset(name)))
            return fail(ErrorCode::not_found, "there is no dataset '" + name + "'");
    auto datasets = TRY(state.catalog->datasets());
    std::erase_if(datasets, [&](const catalog::Dataset& dataset) {
        const auto is_this = [&](const std::string& name) {
            return name == dataset.name || name == dataset.id;
        };
        return dataset.current_revision.empty() || dataset.withdrawn ||
               (!names.empty() && std::none_of(names.begin(), names.end(), is_this));
    });
    return datasets;
}

/// errors  cancelled; else its sealed file is damaged or gone
Result<void> verify_sealed(Site::State& state, const catalog::Dataset& dataset,
                           const expression::Watch& watch) {
    const std::string context = "dataset '" + dataset.name + "'";
    const auto sealed = TRY_WITH(state.files->open(dataset.current_revision), context);
    TRY_WITH(sealed->verify(watch), context);
    return {};
}

/// errors  cancelled; else the image is damaged or gone
Result<void> verify_image(Site::State& state, const catalog::Dataset& dataset,
                          const catalog::Image& image, const expression::Watch& watch) {
    const std::string context = "image '" + image.name + "' of dataset '" + dataset.name + "'";
    const auto stored = TRY_WITH(state.images->open(image.id), context);
    TRY_WITH(stored->verify(watch), context);
    return {};
}

/// What runs of pipelines made.
Result<std::vector<std::string>> verify_outputs(Site::State& state,
                                                const expression::Watch& watch) {
    const auto connection = TRY(state.control->connect());
    return flow::verify_stored_outputs(*connection, state.outputs, "",
                                       [&] { return is_cancelled(watch); });
}

/// The outputs that the copied database knows. What isn't copied the copy computes again.
Result<void> copy_outputs(Site::State& state, const fs::path& half,
                          const expression::Watch& watch) {
    const auto database = TRY(sql::SqliteDatabase::open(half / "control.db"));
    const auto connection = TRY(database->connect());
    if (state.copies_outputs)
        return flow::copy_stored_outputs(*connection, state.outputs, half / pipelines_folder,
                                         [&] { return is_cancelled(watch); });
    return flow::forget_stored_outputs(*connection);
}

Result<void> verify_rows(Site::State& state, const catalog::Dataset& dataset) {
    if (TRY(state.warehouse->has_revision(dataset.current_revision))) return {};
    return fail(ErrorCode::corrupt,
                "dataset '" + dataset.name + "': its rows are missing from the warehouse");
}

Result<void> verify_result(Site::State& state, const matrix::MatrixResult& result) {
    if (TRY(state.objects->head(result.object_key))) return {};
    return fail(ErrorCode::corrupt,
                "the file '" + result.object_key + "' of a matrix request is missing");
}

/// What is said of a dataset that can't be kept.
Result<std::string> give_up(Site::State& state, const catalog::Dataset& dataset, const Error& why) {
    const auto revision = TRY(state.catalog->find_revision(dataset.current_revision));
    TRY(state.loader->give_up(dataset));
    const Json source = revision ? parse_json(revision->source).value_or(Json{}) : Json{};
    return fmt::format("lost '{}': {} cells x {} genes; import {} again ({})", dataset.name,
                       revision ? revision->cells : 0, revision ? revision->genes : 0,
                       source.value("path", "its source"), why.message);
}

/// What was done; nothing when the dataset is whole.
Result<std::optional<std::string>> repair_dataset(Site::State& state,
                                                  const catalog::Dataset& dataset,
                                                  const expression::Watch& watch) {
    if (const auto sealed = verify_sealed(state, dataset, watch); !sealed) {
        if (sealed.error().code == ErrorCode::cancelled) return fail(sealed.error());
        return TRY(give_up(state, dataset, sealed.error()));
    }
    if (verify_rows(state, dataset)) return std::nullopt;
    const auto restored = state.loader->restore_rows(dataset);
    if (!restored && restored.error().code == ErrorCode::not_found)
        return TRY(give_up(state, dataset, restored.error()));
    TRY(restored);
    return "made the rows of '" + dataset.name + "' again from its sealed file; nothing was lost";
}

/// A damaged image is taken away; where it came from is said.
Result<void> repair_images(Site::State& state, const catalog::Dataset& dataset,
                           const expression::Watch& watch, std::vector<std::string>& done) {
    for (const auto& image : TRY(state.catalog->images(dataset.current_revision))) {
        const auto checked = verify_image(state, dataset, image, watch);
        if (checked) continue;
        if (checked.error().code == ErrorCode::cancelled) return fail(checked.error());
        TRY(state.loader->remove_image(image));
        const Json source = parse_json(image.source).value_or(Json{});
        done.push_back(fmt::format("lost the image '{}' of '{}'; import {} again ({})", image.name,
                                   dataset.name, source.value("path", "the dataset's file"),
                                   checked.error().message));
    }
    return {};
}

/// Damaged objects that are no dataset's: a matrix is made again when it is asked for again.
Result<void> repair_objects(Site::State& state, const expression::Watch& watch,
                            std::vector<std::string>& done) {
    for (const auto& result : TRY(state.matrices->files().live())) {
        const auto checked = state.objects->verify(result.object_key);
        if (checked) continue;
        TRY(state.matrices->files().drop(result));
        done.push_back(
            fmt::format("dropped the file '{}' of a matrix request; the same request "
                        "makes it again ({})",
                        result.object_key, checked.error().message));
    }
    for (const auto& info : TRY(all_objects(*state.objects))) {
        if (is_cancelled(watch)) return fail(ErrorCode::cancelled, "repair was stopped");
        const auto checked = state.objects->verify(info.key);
        if (checked || checked.error().code != ErrorCode::corrupt) continue;
        TRY(state.objects->remove(info.key));
        done.push_back(fmt::format("removed the object '{}', which no dataset needs ({})", info.key,
                                   checked.error().message));
    }
    return {};
}

Result<void> copy_ingest(Site& site, const fs::path& to) {
    if (!fs::exists(site.data() / ingest_file)) return {};
    auto* const records = TRY(site.ingest());
    return records->backup_to(to / ingest_file);
}

Result<void> copy_closed_file(const fs::path& from, const fs::path& to) {
    const File source = TRY(File::open_to_read(from));
    File copy = TRY(File::create(to));
    const std::uint64_t size = TRY(source.size());
    Bytes piece;
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(4u << 20, size - at));
        TRY(source.read_at(at, piece));
        TRY(copy.write_at(at, piece));
    }
    return copy.sync();
}

/// Files that nobody writes, with their folders; all of it reaches the disk.
Result<void> copy_folder(const fs::path& from, const fs::path& to) {
    TRY(make_folders(to));
    std::error_code failed;
    for (fs::directory_iterator entry(from, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const fs::path target = to / entry->path().filename();
        if (entry->is_directory()) {
            TRY(copy_folder(entry->path(), target));
            continue;
        }
        TRY(copy_closed_file(entry->path(), target));
    }
    if (failed) return fail(error_from_errno("listing", from.string(), failed.value()));
    return sync_folder(to);
}

constexpr const char* tables_folder = "redshift";  // as in open_user_database()
constexpr const char* record_folders[] = {"streams", "deliveries"};

Result<void> copy_closed_records(Site& site, const fs::path& to) {
    TRY(copy_ingest(site, to));
    for (const char* folder : record_folders)
        if (fs::exists(site.data() / folder)) TRY(copy_folder(site.data() / folder, to / folder));
    return {};
}

/// The tables of SQL clients, when nobody has them open.
Result<void> copy_closed_tables(const fs::path& from, const fs::path& to) {
    for (const char* name : {"dev.duckdb", "dev.duckdb.wal"})
        if (fs::exists(from / name)) TRY(copy_closed_file(from / name, to / name));
    return sync_folder(to);
}

/// Damage in the logs of streams and deliveries, which nobody has open.
Result<void> verify_records(const fs::path& data, std::vector<std::string>& found) {
    for (const char* folder : record_folders) {
        std::error_code failed;
        for (fs::directory_iterator entry(data / folder, failed), end; !failed && entry != end;
             entry.increment(failed))
            if (const fs::path log = entry->path() / "records"; fs::exists(log))
                for (std::string& problem : TRY(queue::check_segments(log)))
                    found.push_back(std::move(problem));
    }
    return {};
}

/// Every stored row of a database that nobody has open.
Result<void> verify_tables(const fs::path& file) {
    if (!fs::exists(file)) return {};
    const auto database = TRY(sql::open_duckdb({.file = file}));
    return database->verify();
}

/// A copy of damaged tables would be found out when it is needed. Takes it away then.
Result<void> check_copies(const fs::path& half) {
    for (const fs::path& file : {half / "warehouse.duckdb", half / tables_folder / "dev.duckdb"}) {
        const auto checked = verify_tables(file);
        if (checked) continue;
        std::error_code ignored;
        fs::remove_all(half, ignored);
        return fail(checked.error().code,
                    "no backup was made, its copy is damaged; see `stroma verify`: " +
                        checked.error().message);
    }
    return {};
}

}  // namespace

void Site::copy_records_by(CopyRecords copy) {
    const std::lock_guard<std::mutex> held(state_->records_mutex);
    state_->copy_records = std::move(copy);
}

void Site::copy_tables_by(std::function<Result<void>(const fs::path& to)> copy) {
    const std::lock_guard<std::mutex> held(state_->records_mutex);
    state_->copy_tables = std::move(copy);
}

Result<std::vector<std::string>> Site::verify(const std::vector<std::string>& datasets,
                                              const expression::Watch& watch) {
    std::vector<std::string> found;
    if (datasets.empty()) {
        note(found, state_->control->verify());
        note(found, state_->warehouse_database->verify());
        if (fs::exists(state_->data / ingest_file)) note(found, TRY(ingest())->verify());
        note(found, verify_tables(state_->data / "redshift" / "dev.duckdb"));
        TRY(verify_records(state_->data, found));
        for (const auto& info : TRY(all_objects(*state_->objects))) {
            if (is_cancelled(watch)) return fail(ErrorCode::cancelled, "verify was stopped");
            note(found, state_->objects->verify(info.key));
        }
        if (fs::exists(state_->cold)) {
            auto* const archived = TRY(cold_objects());
            for (const auto& info : TRY(all_objects(*archived)))
                note(found, archived->verify(info.key));
        }
        for (std::string& problem : TRY(verify_outputs(*state_, watch)))
            found.push_back(std::move(problem));
        for (const auto& result : TRY(state_->matrices->files().live()))
            note(found, verify_result(*state_, result));
    }
    for (const auto& dataset : TRY(datasets_with_content(*state_, datasets))) {
        const auto sealed = verify_sealed(*state_, dataset, watch);
        if (!sealed && sealed.error().code == ErrorCode::cancelled) return fail(sealed.error());
        note(found, sealed);
        for (const auto& image : TRY(state_->catalog->images(dataset.current_revision))) {
            const auto checked = verify_image(*state_, dataset, image, watch);
            if (!checked && checked.error().code == ErrorCode::cancelled)
                return fail(checked.error());
            note(found, checked);
        }
        note(found, verify_rows(*state_, dataset));
    }
    return found;
}

Result<std::vector<std::string>> Site::repair(const std::vector<std::string>& datasets,
                                              const expression::Watch& watch) {
    std::vector<std::string> done;
    for (const auto& dataset : TRY(datasets_with_content(*state_, datasets))) {
        if (auto mended = TRY(repair_dataset(*state_, dataset, watch)))
            done.push_back(*std::move(mended));
        TRY(repair_images(*state_, dataset, watch, done));
    }
    if (datasets.empty()) TRY(repair_objects(*state_, watch, done));
    return done;
}

Result<std::int64_t> Site::purge() {
    const std::lock_guard<std::recursive_mutex> loads_wait(state_->loader->load_mutex());
    const std::int64_t results = TRY(state_->matrices->forget_removed());
    const auto connection = TRY(state_->control->connect());
    TRY(connection->run_script("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"));
    TRY(replace_file(state_->data / rewrite_mark, {}));
    return results;
}

Result<void> Site::backup_to(const fs::path& folder, const expression::Watch& watch) {
    if (fs::exists(folder))
        return fail(ErrorCode::already_exists,
                    folder.string() + " exists; a backup makes its own folder");
    const fs::path half = folder.string() + ".unfinished";
    std::error_code ignored;
    fs::remove_all(half, ignored);
    TRY(make_folders(half));
    const auto outputs_stay = TRY(flow::OutputsHeld::take(state_->outputs.folder));
    // Loads wait while the two databases are copied, so both are of one moment. Objects are
    // immutable: those that the catalog names at that moment are copied afterwards.
    {
        const std::lock_guard<std::recursive_mutex> loads_wait(state_->loader->load_mutex());
        TRY(state_->warehouse_database->backup_to(half / "warehouse.duckdb"));
        TRY(state_->control->backup_to(half / "control.db"));
    }
    std::shared_ptr<void> bytes_stay;
    {
        // A server that ends meanwhile waits: it has them open.
        const std::lock_guard<std::mutex> held(state_->records_mutex);
        if (const CopyRecords& copy = state_->copy_records)
            bytes_stay = TRY(copy(half, [&] { return copy_ingest(*this, half); }));
        else
            TRY(copy_closed_records(*this, half));
        // After what tells of loads: a load that is done again knows what it loaded, one that is
        // never told again doesn't.
        if (const fs::path tables = state_->data / tables_folder; fs::exists(tables)) {
            TRY(make_folders(half / tables_folder));
            TRY(state_->copy_tables ? state_->copy_tables(half / tables_folder)
                                    : copy_closed_tables(tables, half / tables_folder));
        }
    }
    TRY(check_copies(half));
    if (const fs::path keys = state_->data / access_key_file; fs::exists(keys)) {
        const std::string key = TRY(read_file(keys));
        TRY(replace_file(half / access_key_file, as_bytes(key)));
    }
    TRY(copy_objects(*state_->objects, half / "objects", state_->clock, watch));
    if (fs::exists(state_->cold)) {
        auto* const archived = TRY(cold_objects());
        TRY(copy_objects(*archived, half / cold_folder, state_->clock, watch));
    }
    TRY(copy_outputs(*state_, half, watch));
    TRY(replace_file(half / "store.json", as_bytes(Json{{"format", store_format}}.dump() + "\n")));
    TRY(rename_file(half, folder));
    return sync_folder(folder.parent_path());
}

Result<std::string> BackupStage::run(const pipeline::Job& job, pipeline::StageContext& context) {
    const Json inputs = TRY(parse_json(job.inputs));
    const std::string folder = inputs.value("folder", "");
    const expression::Watch watch{
        [&](double done, double total, std::string_view unit) {
            context.progress({"copying objects", done, total, std::string(unit)});
        },
        [&] { return context.cancelled(); }};
    TRY(site_->backup_to(folder, watch));
    return Json{{"folder", folder}}.dump();
}

}  // namespace stroma::app
