#pragma once

#include <functional>
#include <string>
#include <vector>

#include "expression/format.h"
#include "load/child/parser_child.h"
#include "load/dataset_loader.h"
#include "load/inspector.h"
#include "pipeline/stage.h"

namespace stroma::loading {

/// Where a picture belongs.
struct ImagePlacing {
    std::string dataset;  ///< name or id; "": what is imported is no picture
    std::string embedding = "spatial";
    std::string transform;    ///< JSON, see image::transform_of; "": a pixel is a unit
    bool are_labels = false;  ///< its values are numbers of cells
    std::string cell_column;  ///< labels: the obs column that has them; "": is found
};

/// What `stroma import` and POST /v1/imports ask for, one path each.
struct ImportRequest {
    fs::path path;
    std::string name;  ///< dataset name; "" is made from the path
    std::string title;
    std::string owner;
    bool is_public = false;
    std::string format;  ///< "" detects
    expression::ReadOptions read;
    bool sum_duplicates = false;  ///< add up a gene that occurs twice in a cell (noted)
    std::string collection;       ///< name or id of what a new dataset is put into; "": none
    bool strict = false;          ///< bundles: metadata that differs is refused too
    /// Bundles: a 10x genes.tsv that maps gene symbols to Ensembl ids; "" takes the annotation.
    fs::path symbols;
    std::string profile;         ///< the rules that the content is checked against; "" is none
    bool require_valid = false;  ///< content that breaks them is refused
    /// JSON that says which cells of which revision these are; "" when they came from outside.
    std::string derived_from;
    ImagePlacing image;          ///< the picture is called `name`
    bool remove_source = false;  ///< an upload's own copy, gone once it is loaded
};

/// ImportRequest as the inputs of a job of stage "import", and back.
std::string to_job_inputs(const ImportRequest& request);
Result<ImportRequest> import_request_of(std::string_view job_inputs);

/// A dataset name made from a path: its last part without known endings; other characters than
/// letters, digits, '.', '_' and '-' become '_'.
std::string dataset_name_from(const fs::path& path);
/// The identity of a file's or folder's content: names, sizes and bytes.
Result<std::string> content_key_of(const fs::path& path, std::string_view options);

/// Reads one file or folder in the parser child, seals it, and loads it as a dataset's next
/// revision. Outputs: dataset, name, revision, number, cells, genes, nonzeros, bytes, format,
/// notes, already_loaded, seconds per step. A GTF annotation becomes rows of `feature` instead;
/// outputs: name, format, features, notes.
class ImportStage final : public pipeline::Stage {
public:
    ImportStage(DatasetLoader& loader, catalog::Catalog& catalog, warehouse::Warehouse& warehouse,
                std::vector<const expression::FormatReader*> readers, fs::path staging,
                fs::path symbols, const Clock& clock, Inspector* inspector = nullptr,
                ParseLimits limits = {}, bool keeps_sources = false)
        : loader_(loader),
          catalog_(catalog),
          warehouse_(warehouse),
          readers_(std::move(readers)),
          staging_(std::move(staging)),
          symbols_(std::move(symbols)),
          clock_(clock),
          inspector_(inspector),
          limits_(limits),
          keeps_sources_(keeps_sources) {}

    std::string_view name() const override { return "import"; }
    Result<std::string> run(const pipeline::Job& job, pipeline::StageContext& context) override;
    /// The same for other stages; `work_id` names the staged file.
    Result<std::string> import(const ImportRequest& request, std::string_view work_id,
                               pipeline::StageContext& context);

private:
    struct Sealed;
    Result<Sealed> seal(const ImportRequest& request, std::string_view work_id,
                        pipeline::StageContext& context);
    /// The pictures that the sealed content brings, as files that go with it.
    Result<void> take_images(const ImportRequest& request, Sealed& sealed, std::string_view work_id,
                             pipeline::StageContext& context);
    /// An upload's own copy is kept beside its revision, or goes.
    Result<void> settle_source(const ImportRequest& request, const LoadedRevision& loaded,
                               pipeline::StageContext& context);
    /// The report on sealed content; "" when none was asked for. Refuses what must be valid.
    Result<std::string> inspect(const ImportRequest& request, const Sealed& sealed,
                                pipeline::StageContext& context);
    static Result<std::string> source_json(const ImportRequest& request, const Sealed& sealed);
    Result<LoadedRevision> load(const ImportRequest& request, const Sealed& sealed);

    DatasetLoader& loader_;
    catalog::Catalog& catalog_;
    warehouse::Warehouse& warehouse_;
    std::vector<const expression::FormatReader*> readers_;
    fs::path staging_, symbols_;
    const Clock& clock_;
    Inspector* inspector_;  ///< may be null
    ParseLimits limits_;    ///< of each file's parser
    bool keeps_sources_;    ///< what was uploaded or fetched, beside its revision
};

}  // namespace stroma::loading
