#include <algorithm>
#include <mutex>

#include "app/answers/answers.h"
#include "app/answers/upload_folder.h"
#include "app/ingest/fetch_stage.h"
#include "base/json.h"
#include "load/bundle_stage.h"
#include "load/import_stage.h"

namespace stroma::app {
namespace {

class ImportAnswers final : public front::api::ImportAnswers {
public:
    ImportAnswers(Site& site, const Settings& settings)
        : site_(site),
          uploads_(site.data() / "uploads", site.clock(), site.ids(),
                   {settings.bytes("upload.file_max"), settings.bytes("upload.user_max"),
                    settings.duration("upload.idle")}),
          notification_key_file_(settings.text("dss.hmac_key_file")) {}

    Result<front::api::Upload> create_upload(const catalog::Principal& principal,
                                             std::string_view name,
                                             std::uint64_t size_bytes) override {
        return uploads_.create(principal.id, name, size_bytes);
    }
    Result<std::optional<front::api::Upload>> find_upload(std::string_view id) override {
        return uploads_.find(id);
    }
    Result<front::api::Upload> append(std::string_view id, std::uint64_t offset,
                                      const std::function<Result<Bytes>()>& next) override {
        return uploads_.append(id, offset, next);
    }
    Result<void> remove_upload(std::string_view id) override { return uploads_.remove(id); }

    Result<pipeline::Job> import(const catalog::Principal& principal,
                                 const front::api::ImportOrder& order) override {
        loading::ImportRequest request;
        request.name = order.dataset;
        request.title = order.title;
        request.owner = principal.id;
        request.is_public = order.visibility == catalog::Visibility::public_;
        request.collection = order.collection;
        request.read.orientation = order.orientation;
        request.read.make_ids_unique = order.make_ids_unique;
        request.sum_duplicates = order.sum_duplicates;
        request.path = order.path;
        request.profile = order.profile;
        request.require_valid = order.require_valid;
        if (!order.result.empty()) return import_result(principal, order, std::move(request));
        if (!order.image.of.empty()) {
            request.name = order.image.name;
            request.image = {order.image.of, order.image.embedding, order.image.transform,
                             order.image.are_labels, order.image.cell_column};
        }
        if (!order.url.empty()) return fetch_and_import(principal, order, std::move(request));
        if (!order.upload.empty()) {
            request.path = TRY(uploads_.path_of_complete(order.upload));
            request.remove_source = true;
        } else if (!fs::exists(request.path)) {
            return fail(ErrorCode::not_found, "the server has no such file or folder");
        }
        TRY(check_target(principal, request));
        return site_.jobs().submit({.stage = "import",
                                    .owner = principal.id,
                                    .title = "import " + request.path.filename().string(),
                                    .inputs = loading::to_job_inputs(request),
                                    .idempotency_key = order.idempotency_key,
                                    .is_bounded = true});
    }

    Result<std::optional<std::string>> notification_key(std::string_view) override {
        if (notification_key_file_.empty()) return std::nullopt;
        std::string key = TRY(read_file(notification_key_file_, 4096));
        while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
        return key;
    }

    Result<void> notify(const front::api::BundleEvent& event) override {
        const loading::BundleNotice notice{event.bundle_uuid, event.bundle_version,
                                           event.type == "DELETE" || event.type == "TOMBSTONE"};
        const std::string inputs = loading::to_job_inputs(notice);
        TRY(loading::bundle_notice_of(inputs));
        TRY(site_.jobs().submit({.stage = "bundle",
                                 .owner = catalog::local_administrator().id,
                                 .title = event.type + " bundle " + event.bundle_uuid,
                                 .inputs = inputs,
                                 .idempotency_key = ""}));
        return {};
    }

private:
    Result<pipeline::Job> fetch_and_import(const catalog::Principal& principal,
                                           const front::api::ImportOrder& order,
                                           loading::ImportRequest request) {
        request.path = fetched_name(order.url);
        TRY(check_target(principal, request));
        return site_.jobs().submit({.stage = "fetch",
                                    .owner = principal.id,
                                    .title = "fetch and import " + request.path.string(),
                                    .inputs = to_job_inputs(FetchRequest{order.url, "", request}),
                                    .idempotency_key = order.idempotency_key});
    }
    /// The cells of others as a dataset of its own, which tells what it was made of.
    Result<pipeline::Job> import_result(const catalog::Principal& principal,
                                        const front::api::ImportOrder& order,
                                        loading::ImportRequest request) {
        const auto result = TRY(site_.matrices().find(order.result));
        if (!result || result->object_key.empty())
            return fail(ErrorCode::not_found, "there is no such result any more");
        request.path = result->file_name;
        Json origin{{"result", result->hash}, {"cells", result->cells}, {"sha256", result->sha256}};
        if (const auto revision = TRY(site_.catalog().find_revision(result->query.revision))) {
            origin["dataset"] = revision->dataset;
            origin["revision"] = revision->id;
        }
        request.derived_from = origin.dump();
        TRY(check_target(principal, request));
        return site_.jobs().submit(
            {.stage = "fetch",
             .owner = principal.id,
             .title = "import " + request.path.string(),
             .inputs = to_job_inputs(FetchRequest{"", result->object_key, request}),
             .idempotency_key = order.idempotency_key});
    }
    /// A revision may be added only to a dataset that one may change.
    Result<void> check_target(const catalog::Principal& principal,
                              const loading::ImportRequest& request) {
        if (!request.image.dataset.empty()) return {};  // the front asked already
        const std::string name =
            request.name.empty() ? loading::dataset_name_from(request.path) : request.name;
        const auto dataset = TRY(site_.catalog().find_dataset(name));
        if (!dataset) return {};
        const catalog::Thing thing{catalog::ThingKind::dataset, dataset->id, dataset->owner};
        if (TRY(site_.catalog().decide(principal, catalog::Action::change, thing))) return {};
        return fail(ErrorCode::already_exists,
                    "the name '" + name + "' is taken; choose another for the dataset");
    }

    Site& site_;
    UploadFolder uploads_;
    fs::path notification_key_file_;
};

}  // namespace

std::unique_ptr<front::api::ImportAnswers> import_answers(Site& site, const Settings& settings) {
    return std::make_unique<ImportAnswers>(site, settings);
}

}  // namespace stroma::app
