#include "load/import_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <future>

#include "base/digest.h"
#include "base/json.h"
#include "base/metrics.h"
#include "load/annotation_import.h"
#include "load/bundle_order.h"
#include "load/carried_images.h"
#include "load/image_import.h"
#include "object/mapped_reader.h"

namespace stroma::loading {
namespace {

constexpr std::array<std::string_view, 13> known_endings = {
    ".h5ad", ".h5",  ".hdf5", ".loom", ".zarr", ".zip", ".mtx",
    ".csv",  ".tsv", ".txt",  ".psv",  ".gz",   ".tar"};

template <class... Hashes>
Result<void> hash_file(const File& file, Hashes&... hashes) {
    const std::uint64_t size = TRY(file.size());
    Bytes piece(std::min<std::uint64_t>(size, 512u << 10));  // stays in a cache for every hash
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(piece.size(), size - at));
        TRY(file.read_at(at, piece));
        (hashes.update(piece), ...);
    }
    return {};
}

Json described(const LoadedRevision& loaded) {
    return {{"dataset", loaded.dataset.id},         {"name", loaded.dataset.name},
            {"revision", loaded.revision.id},       {"number", loaded.revision.number},
            {"cells", loaded.revision.cells},       {"genes", loaded.revision.genes},
            {"nonzeros", loaded.revision.nonzeros}, {"already_loaded", loaded.already_loaded}};
}

/// Removes a staged file when the work that made it ends, however it ends.
class StagedFile {
public:
    explicit StagedFile(fs::path path) : path_(std::move(path)) {}
    StagedFile(const StagedFile&) = delete;
    StagedFile& operator=(const StagedFile&) = delete;
    ~StagedFile() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

/// The beginning of a title that is an essay; the whole of it is a row of `project`.
std::string short_title(std::string title) {
    constexpr std::size_t bytes_max = 1000;
    if (title.size() <= bytes_max) return title;
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(title[end]) & 0xc0) == 0x80) --end;
    title.resize(end);
    return title + "…";
}

std::string options_text(const ImportRequest& request) {
    return fmt::format("{}|{}|{}|{}{}", request.format, request.read.orientation,
                       request.read.make_ids_unique, request.strict,
                       request.sum_duplicates ? "|sum" : "");
}

}  // namespace

std::string to_job_inputs(const ImportRequest& request) {
    return Json{
        {"path", fs::absolute(request.path).lexically_normal().string()},
        {"name", request.name},
        {"title", request.title},
        {"owner", request.owner},
        {"public", request.is_public},
        {"format", request.format},
        {"orientation", request.read.orientation},
        {"make_ids_unique", request.read.make_ids_unique},
        {"sum_duplicates", request.sum_duplicates},
        {"collection", request.collection},
        {"strict", request.strict},
        {"symbols",
         request.symbols.empty() ? "" : fs::absolute(request.symbols).lexically_normal().string()},
        {"profile", request.profile},
        {"require_valid", request.require_valid},
        {"derived_from", request.derived_from},
        {"image_of", request.image.dataset},
        {"embedding", request.image.embedding},
        {"transform", request.image.transform},
        {"are_labels", request.image.are_labels},
        {"cell_column", request.image.cell_column},
        {"remove_source", request.remove_source}}
        .dump();
}

Result<ImportRequest> import_request_of(std::string_view job_inputs) {
    const Json json = TRY(parse_json(job_inputs));
    ImportRequest request;
    request.path = json.value("path", "");
    request.name = json.value("name", "");
    request.title = json.value("title", "");
    request.owner = json.value("owner", "");
    request.is_public = json.value("public", false);
    request.format = json.value("format", "");
    request.read.orientation = json.value("orientation", "");
    request.read.make_ids_unique = json.value("make_ids_unique", false);
    request.sum_duplicates = json.value("sum_duplicates", false);
    request.collection = json.value("collection", "");
    request.strict = json.value("strict", false);
    request.symbols = json.value("symbols", "");
    request.profile = json.value("profile", "");
    request.require_valid = json.value("require_valid", false);
    request.derived_from = json.value("derived_from", "");
    request.image.dataset = json.value("image_of", "");
    request.image.embedding = json.value("embedding", request.image.embedding);
    request.image.transform = json.value("transform", "");
    request.image.are_labels = json.value("are_labels", false);
    request.image.cell_column = json.value("cell_column", "");
    request.remove_source = json.value("remove_source", false);
    if (request.path.empty()) return fail(ErrorCode::invalid_input, "the import names no path");
    return request;
}

std::string dataset_name_from(const fs::path& path) {
    fs::path last = path.lexically_normal();
    if (!last.has_filename()) last = last.parent_path();
    std::string name = last.filename().string();
    for (bool cut = true; cut;) {
        cut = false;
        for (const auto ending : known_endings)
            if (name.size() > ending.size() && name.ends_with(ending)) {
                name.resize(name.size() - ending.size());
                cut = true;
            }
    }
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-')
            c = '_';
    if (name.size() > 200) name.resize(200);
    return name.empty() || name == "." || name == ".." ? "dataset" : name;
}

namespace {

/// Tells a file's content key, and beside it its SHA-256: of a folder the digest of what sha256sum
/// would print of its files, in the order of their names.
Result<void> hash_input(const fs::path& path, ContentHash& key, std::string* sha256) {
    const auto input = TRY(expression::open_input(path));
    std::vector<std::pair<std::string, std::string>> digests;
    for (const std::string& name : TRY(input->list())) {
        const File file = TRY(input->open(name));
        if (input->is_folder()) key.update(as_bytes(name));
        key.update(as_bytes(fmt::format("\n{}\n", TRY(file.size()))));
        if (sha256 == nullptr) {
            TRY(hash_file(file, key));
            continue;
        }
        Digest digest(DigestKind::sha256);
        TRY(hash_file(file, key, digest));
        digests.emplace_back(name, digest.hex());
    }
    if (sha256 == nullptr) return {};
    if (!input->is_folder() && digests.size() == 1) {
        *sha256 = digests[0].second;
        return {};
    }
    std::sort(digests.begin(), digests.end());
    Digest all(DigestKind::sha256);
    for (const auto& [name, hex] : digests) all.update(as_bytes(hex + "  " + name + "\n"));
    *sha256 = all.hex();
    return {};
}

/// What of a request's content key isn't in its file.
Result<ContentHash> key_of_options(const ImportRequest& request) {
    std::string options = options_text(request);
    if (!request.symbols.empty()) options += "|" + TRY(content_key_of(request.symbols, ""));
    ContentHash key;
    key.update(as_bytes(options));
    return key;
}

}  // namespace

Result<std::string> content_key_of(const fs::path& path, std::string_view options) {
    ContentHash key;
    key.update(as_bytes(options));
    TRY(hash_input(path, key, nullptr));
    return key.hex();
}

/// A request's file, read and sealed, not yet loaded.
struct ImportStage::Sealed {
    std::unique_ptr<StagedFile> file;
    std::string format, content_key, sha256;
    std::vector<std::string> notes;
    std::optional<BundleRows> bundle;
    std::vector<image::FoundPicture> pictures;  ///< beside the cells, not read yet
    std::vector<NewImage> images;
    std::vector<std::unique_ptr<StagedFile>> image_files;
    std::uint64_t bytes = 0;
};

Result<ImportStage::Sealed> ImportStage::seal(const ImportRequest& request,
                                              std::string_view work_id,
                                              pipeline::StageContext& context) {
    Sealed sealed;
    sealed.file = std::make_unique<StagedFile>(staging_ / (std::string(work_id) + ".sealed"));
    const fs::path& output = sealed.file->path();
    TRY(remove_file(output));
    const std::string step = "reading " + request.path.filename().string();
    const expression::Watch watch{[&](double done, double total, std::string_view unit) {
                                      context.progress({step, done, total, std::string(unit)});
                                  },
                                  [&] { return context.cancelled(); }};
    if (request.format == "hca-bundle" ||
        (request.format.empty() && TRY(is_bundle(request.path)))) {
        const fs::path symbols = request.symbols.empty() ? symbols_ : request.symbols;
        const BundleSource source{request.path, request.strict,
                                  symbols.empty() ? TRY(symbols_of_annotation(warehouse_))
                                                  : TRY(symbols_of_file(symbols))};
        ContentHash key = TRY(key_of_options(request));
        TRY(hash_input(request.path, key, nullptr));
        sealed.content_key = key.hex();
        sealed.bundle = TRY(seal_bundle(source, output, staging_, watch));
        sealed.format = "hca-bundle";
        sealed.notes = sealed.bundle->notes;
    } else {
        // Beside the parser, which is another process.
        auto hashed = std::async(std::launch::async, [&]() -> Result<void> {
            ContentHash key = TRY(key_of_options(request));
            TRY(hash_input(request.path, key, &sealed.sha256));
            sealed.content_key = key.hex();
            return {};
        });
        ParseReport report = TRY(parse_in_child({.input = request.path,
                                                 .output = output,
                                                 .scratch_folder = staging_,
                                                 .read = request.read,
                                                 .format = request.format,
                                                 .sum_duplicates = request.sum_duplicates,
                                                 .limits = limits_},
                                                readers_, watch));
        sealed.format = std::move(report.format);
        sealed.notes = std::move(report.notes);
        sealed.pictures = std::move(report.pictures);
        if (request.sum_duplicates)
            sealed.notes.emplace_back("values of a gene that occurs twice in a cell are added up");
        TRY(hashed.get());
    }
    for (const std::string& note : sealed.notes) context.note("info", note);
    const File file = TRY(File::open_to_read(output));
    sealed.bytes = TRY(file.size());
    return sealed;
}

Result<void> ImportStage::take_images(const ImportRequest& request, Sealed& sealed,
                                      std::string_view work_id, pipeline::StageContext& context) {
    const expression::Watch watch{
        [&](double done, double total, std::string_view unit) {
            context.progress({"keeping the images", done, total, std::string(unit)});
        },
        [&] { return context.cancelled(); }};
    std::vector<std::string> notes;
    sealed.images = TRY(
        carried_images(sealed.file->path(), sealed.content_key, staging_, work_id, notes, watch));
    const BesideImport beside{
        request.path, sealed.file->path(), sealed.content_key, staging_, work_id, limits_};
    for (NewImage& image : TRY(images_beside(beside, sealed.pictures, notes, watch)))
        sealed.images.push_back(std::move(image));
    for (const NewImage& image : sealed.images) {
        sealed.image_files.push_back(std::make_unique<StagedFile>(image.file));
        notes.push_back("the image '" + image.name + "' lies under the cells");
    }
    for (std::string& note : notes) {
        context.note("info", note);
        sealed.notes.push_back(std::move(note));
    }
    return {};
}

Result<std::string> ImportStage::inspect(const ImportRequest& request, const Sealed& sealed,
                                         pipeline::StageContext& context) {
    if (request.profile.empty() || inspector_ == nullptr) return std::string();
    const std::string step = "validating against " + request.profile;
    context.progress({step, 0, 0, ""});
    const expression::Watch watch{[&](double done, double total, std::string_view unit) {
                                      context.progress({step, done, total, std::string(unit)});
                                  },
                                  [&] { return context.cancelled(); }};
    const File file = TRY(File::open_to_read(sealed.file->path()));
    MappedFile map = TRY(MappedFile::map(file));
    const auto dataset = TRY(expression::SealedDataset::open(std::make_unique<object::MappedReader>(
        std::move(map), sealed.file->path().filename().string())));
    std::string report = TRY(inspector_->inspect(*dataset, request.profile, watch));
    const Json said = TRY(parse_json(report));
    const auto errors = said.value("errors", std::uint64_t{0});
    context.note(errors == 0 ? "info" : "warning",
                 fmt::format("{} errors and {} warnings against {} {}", errors,
                             said.value("warnings", std::uint64_t{0}), said.value("title", ""),
                             said.value("version", "")));
    if (errors == 0 || !request.require_valid) return report;
    TRY(inspector_->keep(context.job().id, request.profile, report));
    const Json& first = said["findings"][0];
    return fail(
        ErrorCode::invalid_input,
        fmt::format("{} breaks {} rules of {}; the first: {} '{}' {}. {} The report has all",
                    request.path.filename().string(), errors, said.value("title", ""),
                    first.value("where", ""), first.value("column", ""), first.value("message", ""),
                    first.value("fix", "")));
}

Result<std::string> ImportStage::source_json(const ImportRequest& request, const Sealed& sealed) {
    Json source{
        {"path", request.path.string()}, {"format", sealed.format}, {"sha256", sealed.sha256}};
    if (!request.derived_from.empty())
        source["derived_from"] = TRY(parse_json(request.derived_from));
    if (sealed.bundle) source["matrix"] = TRY(parse_json(sealed.bundle->matrix));
    return source.dump();
}

Result<LoadedRevision> ImportStage::load(const ImportRequest& request, const Sealed& sealed) {
    const std::lock_guard one_at_a_time(loader_.load_mutex());
    const auto collection = TRY(catalog_.find_collection(request.collection));
    NewRevision revision{
        .sealed = sealed.file->path(),
        .dataset_name = request.name.empty() ? dataset_name_from(request.path) : request.name,
        .title = request.title,
        .collection = collection ? collection->id : "",
        .owner = request.owner,
        .visibility =
            request.is_public ? catalog::Visibility::public_ : catalog::Visibility::private_,
        .content_key = sealed.content_key,
        .source = TRY(source_json(request, sealed)),
        .bundle = sealed.bundle ? &*sealed.bundle : nullptr,
        .images = sealed.images};
    if (!sealed.bundle || sealed.bundle->uuid.empty()) return loader_.load(revision);

    const BundleRows& bundle = *sealed.bundle;
    if (request.name.empty()) revision.dataset_name = bundle.uuid;
    if (request.title.empty()) revision.title = short_title(bundle.title);
    const auto known = TRY(catalog_.bundles(bundle.uuid));
    if (decide(known, {bundle.uuid, bundle.version, false}) == BundleAction::nothing) {
        if (auto loaded = TRY(loader_.find_loaded(revision.dataset_name, revision.content_key)))
            return *std::move(loaded);
        return fail(ErrorCode::already_exists,
                    "bundle " + bundle.uuid + "." + bundle.version +
                        " was loaded, replaced by a newer version, or deleted before; nothing was "
                        "changed");
    }
    const LoadedRevision loaded = TRY(loader_.load(revision));
    for (catalog::Bundle former : known)
        if (former.state == "loaded") {
            former.state = "replaced";
            TRY(catalog_.put_bundle(former));
        }
    TRY(catalog_.put_bundle({bundle.uuid, bundle.version, loaded.dataset.id, loaded.revision.id,
                             "loaded", bundle.report, 0}));
    return loaded;
}

Result<void> ImportStage::settle_source(const ImportRequest& request, const LoadedRevision& loaded,
                                        pipeline::StageContext& context) {
    // An attempt that lost its lease leaves the source to the one that took over.
    if (!request.remove_source || context.cancelled()) return {};
    // What was made of other datasets is kept there.
    if (keeps_sources_ && request.derived_from.empty())
        TRY(loader_.keep_source(loaded.revision.id, request.path));
    TRY(remove_file(request.path));
    return {};
}

Result<std::string> ImportStage::run(const pipeline::Job& job, pipeline::StageContext& context) {
    return import(TRY(import_request_of(job.inputs)), job.attempt_name(), context);
}

Result<std::string> ImportStage::import(const ImportRequest& request, std::string_view work_id,
                                        pipeline::StageContext& context) {
    if (!request.image.dataset.empty())
        return import_image(request, {catalog_, loader_, staging_}, work_id, context);
    if (request.format.empty() && is_annotation(request.path)) {
        context.progress({"reading the annotation", 0, 0, ""});
        const auto loaded = TRY(import_annotation(request.path, warehouse_));
        TRY(catalog_.note_annotation());
        if (request.remove_source) TRY(remove_file(request.path));
        return Json{{"name", loaded.source},
                    {"format", "gtf"},
                    {"features", loaded.features},
                    {"notes", loaded.notes}}
            .dump();
    }
    if (!request.collection.empty() && !TRY(catalog_.find_collection(request.collection)))
        return fail(ErrorCode::not_found, "no collection '" + request.collection + "'");
    const std::string name = request.name.empty() ? dataset_name_from(request.path) : request.name;
    context.progress({"looking at " + request.path.filename().string(), 0, 0, ""});
    // Only what may be there already is read before it is parsed.
    const auto former = TRY(catalog_.find_dataset(name));
    if (former && !former->current_revision.empty()) {
        ContentHash key = TRY(key_of_options(request));
        TRY(hash_input(request.path, key, nullptr));
        if (const auto loaded = TRY(loader_.find_loaded(name, key.hex()))) {
            context.note("info", "this content is already the current revision of '" + name + "'");
            TRY(settle_source(request, *loaded, context));
            return described(*loaded).dump();
        }
    }
    const std::int64_t started_ms = clock_.steady_ms();
    Sealed sealed = TRY(seal(request, work_id, context));
    const std::int64_t sealed_ms = clock_.steady_ms();
    const std::string report = TRY(inspect(request, sealed, context));
    TRY(take_images(request, sealed, work_id, context));
    context.progress({"loading '" + name + "' into the warehouse", 0, 0, ""});
    const LoadedRevision loaded = TRY(load(request, sealed));
    if (!report.empty()) TRY(inspector_->keep(loaded.revision.id, request.profile, report));
    for (const std::string& warning : loaded.warnings) {
        context.note("warning", warning);
        sealed.notes.push_back(warning);
    }
    TRY(settle_source(request, loaded, context));

    counter("stroma_imports_total", "Datasets imported", {{"format", sealed.format}}).add();
    Json outputs = described(loaded);
    outputs["format"] = sealed.format;
    outputs["bytes"] = sealed.bytes;
    outputs["notes"] = sealed.notes;
    outputs["images"] = sealed.images.size();
    if (!report.empty()) outputs["profile"] = request.profile;
    outputs["seconds_reading"] = static_cast<double>(sealed_ms - started_ms) / 1000;
    outputs["seconds_loading"] = static_cast<double>(clock_.steady_ms() - sealed_ms) / 1000;
    return outputs.dump();
}

}  // namespace stroma::loading
