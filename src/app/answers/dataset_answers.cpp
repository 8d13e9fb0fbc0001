#include <algorithm>

#include "app/answers/answers.h"
#include "app/answers/stored_result.h"
#include "app/aws/job_events.h"

namespace stroma::app {
namespace {

class DatasetAnswers final : public front::api::DatasetAnswers {
public:
    explicit DatasetAnswers(Site& site) : site_(site), catalog_(site.catalog()) {}

    Result<std::vector<catalog::Dataset>> datasets(const catalog::Principal& principal) override {
        std::vector<catalog::Dataset> readable;
        for (catalog::Dataset& dataset : TRY(catalog_.datasets())) {
            if (dataset.current_revision.empty() && !dataset.withdrawn) continue;
            const catalog::Thing thing{catalog::ThingKind::dataset, dataset.id, dataset.owner};
            if (TRY(catalog_.may(principal, catalog::Action::read, thing)))
                readable.push_back(std::move(dataset));
        }
        return readable;
    }
    Result<std::optional<catalog::Dataset>> find_dataset(std::string_view id_or_name) override {
        return catalog_.find_dataset(id_or_name);
    }
    Result<std::vector<catalog::Revision>> revisions(std::string_view dataset) override {
        return catalog_.revisions(dataset);
    }
    Result<std::optional<catalog::Revision>> find_revision(std::string_view id) override {
        return catalog_.find_revision(id);
    }
    Result<std::optional<front::api::StoredFile>> source_file(std::string_view revision) override {
        const auto info = TRY(site_.revision_files().find_source(revision));
        if (!info) return std::nullopt;
        const auto reader = TRY(site_.objects().open(info->key));
        return TRY(stored_object(*reader, info->key.substr(info->key.rfind('/') + 1)));
    }
    Result<std::vector<catalog::Image>> images(std::string_view revision) override {
        return catalog_.images(revision);
    }
    Result<std::optional<catalog::Image>> find_image(std::string_view id) override {
        return catalog_.find_image(id);
    }
    Result<void> remove_image(const catalog::Image& image) override {
        return site_.loader().remove_image(image);
    }
    Result<catalog::Dataset> change(std::string_view id,
                                    const front::api::DatasetChange& change) override {
        auto dataset = TRY(known(id));
        if (change.title) dataset.title = *change.title;
        if (change.visibility) dataset.visibility = *change.visibility;
        if (change.collection) {
            const auto collection = TRY(catalog_.find_collection(*change.collection));
            if (!collection && !change.collection->empty())
                return fail(ErrorCode::not_found, "no collection '" + *change.collection + "'");
            dataset.collection = collection ? collection->id : "";
        }
        return catalog_.update_dataset(dataset);
    }
    Result<void> withdraw(std::string_view id) override {
        const auto dataset = TRY(known(id));
        TRY(site_.loader().remove_dataset(dataset));
        tell_change_of_datasets(site_);
        return {};
    }
    Result<std::vector<catalog::Collection>> collections(
        const catalog::Principal& principal) override {
        std::vector<catalog::Collection> readable;
        for (catalog::Collection& collection : TRY(catalog_.collections())) {
            const catalog::Thing thing{catalog::ThingKind::collection, collection.id,
                                       collection.owner};
            if (TRY(catalog_.may(principal, catalog::Action::read, thing)))
                readable.push_back(std::move(collection));
        }
        return readable;
    }
    Result<std::optional<catalog::Collection>> find_collection(
        std::string_view id_or_name) override {
        return catalog_.find_collection(id_or_name);
    }
    Result<catalog::Collection> create_collection(const catalog::Principal& principal,
                                                  std::string_view name, std::string_view title,
                                                  catalog::Visibility visibility) override {
        return catalog_.create_collection(name, title, principal.id, visibility);
    }

private:
    Result<catalog::Dataset> known(std::string_view id) {
        if (auto dataset = TRY(catalog_.find_dataset(id))) return *std::move(dataset);
        return fail(ErrorCode::not_found, "no dataset '" + std::string(id) + "'");
    }

    Site& site_;
    catalog::Catalog& catalog_;
};

}  // namespace

std::unique_ptr<front::api::DatasetAnswers> dataset_answers(Site& site) {
    return std::make_unique<DatasetAnswers>(site);
}

}  // namespace stroma::app
