#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "account/access_keys.h"
#include "account/accounts.h"
#include "account/audit.h"
#include "account/links.h"
#include "annotation/annotations.h"
#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "explorer/clusterings.h"
#include "explorer/comparisons.h"
#include "explorer/explorer.h"
#include "expression/format.h"
#include "load/dataset_loader.h"
#include "load/revision_files.h"
#include "matrix/matrix_service.h"
#include "object/object_store.h"
#include "ontology/ontologies.h"
#include "pipeline/job_store.h"
#include "pipeline/worker.h"
#include "portal/portal.h"
#include "warehouse/warehouse.h"

namespace stroma::sql {
class SqliteDatabase;
}

namespace stroma::image {
class ImageFiles;
class ImageReader;
}  // namespace stroma::image

namespace stroma::app {

class Settings;

/// Every reader and writer of the program: the plain lists. Parquet's writer needs a database.
std::vector<const expression::FormatReader*> format_readers();
std::vector<const image::ImageReader*> image_readers();
std::vector<const expression::FormatWriter*> format_writers(
    const expression::FormatWriter& parquet);

/// One data directory, open: all stores and what works on them, wired. One process at a time.
class Site {
public:
    /// Makes the directory when it isn't there, locks it, and finishes or undoes what a crash
    /// left.
    /// errors  unavailable  another process has it (its number is told)
    ///         unsupported  a later version of Stroma wrote it; nothing was touched
    ///         corrupt      a store is damaged: says which and what to do
    static Result<std::unique_ptr<Site>> open(const fs::path& data, const Settings& settings);
    ~Site();

    /// For a command that others neither see nor wait for, and whose job is forgotten when it dies:
    /// what is recorded from now on survives the end of the process, but need not survive a loss of
    /// power.
    void work_for_one_command();
    /// For a process that ends at once, in place of the destructor: everything is committed, and
    /// the system takes memory back in less time than two engines take themselves apart. What a
    /// clean end would bring from their logs into their files, the next start does.
    static void leave(std::unique_ptr<Site> site);

    const fs::path& data() const;
    fs::path staging() const;  ///< for files being made; swept at open
    const Clock& clock() const;
    IdSource& ids();
    object::ObjectStore& objects();
    catalog::Catalog& catalog();
    account::Accounts& accounts();
    account::AccessKeys& access_keys();
    account::Links& links();
    /// A kept view, and the dataset of the revision that it is of; nothing when it is gone.
    Result<std::optional<account::ViewOfLink>> find_view(std::string_view id);
    account::Audit& audit();
    warehouse::Warehouse& warehouse();
    loading::RevisionFiles& revision_files();
    image::ImageFiles& images();
    loading::DatasetLoader& loader();
    pipeline::JobStore& jobs();
    pipeline::Worker& worker();
    /// The threads that work on jobs: those of imports and the like, of matrices, of comparisons,
    /// of clusterings.
    void start_workers();
    void stop_workers();
    /// Sets the gauges that are only known when they are asked for.
    Result<void> publish_gauges();
    /// `publish` is called with them, from now on. Before anything is served; it outlives that.
    void add_gauges(std::function<Result<void>()> publish);
    matrix::MatrixService& matrices();
    explorer::Explorer& explorer();
    explorer::Comparisons& comparisons();
    explorer::Clusterings& clusterings();
    ontology::Ontologies& ontologies();
    portal::Portal& portal();
    annotation::Annotations& annotations();
    sql::Database& control();
    /// What came in through the AWS port: opened when first asked for. Made when it is absent.
    Result<sql::SqliteDatabase*> ingest();
    /// Where the bytes of archived S3 objects lie: opened when first asked for.
    Result<object::ObjectStore*> cold_objects();
    /// How often a server looks for what has expired.
    Milliseconds house_keeping_interval() const;

    /// Reads everything (or only those datasets) and checks it against its checksums. One line
    /// per thing found wrong.
    Result<std::vector<std::string>> verify(const std::vector<std::string>& datasets,
                                            const expression::Watch& watch);
    /// Mends what verify finds (in those datasets, or everywhere): rows are made again from their
    /// sealed file, a matrix by its next request; a dataset whose sealed file is damaged is taken
    /// away. One line for each, which says what was lost and what it had been made from.
    Result<std::vector<std::string>> repair(const std::vector<std::string>& datasets,
                                            const expression::Watch& watch);
    /// Takes away results that hold cells of removed datasets, writes the control database anew and
    /// has the next open do so with the warehouse's file. Gives how many results went.
    Result<std::int64_t> purge();
    /// Copies the folders "streams" and "deliveries" into that one, with the database of what came
    /// in through the AWS port, which is done by `copy_database`, all of one moment. Until what it
    /// gives is dropped no bytes go that this database names.
    using CopyRecords = std::function<Result<std::shared_ptr<void>>(
        const fs::path& to, const std::function<Result<void>()>& copy_database)>;
    /// Who has them open copies them from now on; nothing: nobody has, they are plain files.
    void copy_records_by(CopyRecords copy);
    /// Who has the user database open copies it into that folder from now on; nothing: it is a
    /// file.
    void copy_tables_by(std::function<Result<void>(const fs::path& to)> copy);
    /// A copy that opens by itself, of one moment, while loads go on.
    Result<void> backup_to(const fs::path& folder, const expression::Watch& watch);

    struct State;

private:
    explicit Site(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Where a running server of this data directory answers, for verbs that find the lock taken.
struct ServerAddress {
    std::string url;    ///< "http://127.0.0.1:8080"
    std::string token;  ///< the local administrator's, of this run
    std::int64_t process = 0;
    std::string aws;       ///< of AWS-compatible services; "" where none listens
    std::string postgres;  ///< "127.0.0.1:5439", for SQL clients; "" where none listens
};
Result<void> write_server_address(const fs::path& data, const ServerAddress& address);
/// Missing is an answer.
Result<std::optional<ServerAddress>> read_server_address(const fs::path& data);
Result<void> remove_server_address(const fs::path& data);

}  // namespace stroma::app
