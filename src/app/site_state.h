#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "app/data_lock.h"
#include "app/ingest/inspection.h"
#include "app/site.h"
#include "explorer/body_store.h"
#include "explorer/clusterings.h"
#include "explorer/comparisons.h"
#include "explorer/explorer.h"
#include "flow/stored_outputs.h"
#include "image/image_files.h"
#include "matrix/matrix_writer.h"
#include "matrix/request_store.h"
#include "portal/portal.h"
#include "queue/transactional_queue.h"
#include "sql/embedded_database.h"
#include "sql/sqlite/sqlite_database.h"
#include "warehouse/formats/matrix_parquet.h"

// Private to Site's own files.

namespace stroma::app {

// Files in the data directory.
inline constexpr const char* access_key_file = "access-keys.key";
inline constexpr const char* ingest_file = "ingest.sqlite";
inline constexpr const char* cold_folder = "cold";
inline constexpr const char* pipelines_folder = "pipelines";
/// The warehouse's file is to be written anew when it is opened next.
inline constexpr const char* rewrite_mark = "warehouse.rewrite";

/// In the order in which they are opened; each uses only those above it.
struct Site::State {
    explicit State(DataLock held) : lock(std::move(held)) {}

    DataLock lock;
    fs::path data;
    const Clock& clock = system_clock();
    IdSource ids;
    std::unique_ptr<object::ObjectStore> objects;
    std::unique_ptr<sql::SqliteDatabase> control;
    std::mutex ingest_mutex;
    std::unique_ptr<sql::SqliteDatabase> ingest;        ///< null until it is asked for
    fs::path cold;                                      ///< folder of archived objects
    std::unique_ptr<object::ObjectStore> cold_objects;  ///< null until it is asked for
    flow::OutputPlaces outputs;                         ///< of pipelines
    bool copies_outputs = true;                         ///< when it is backed up
    std::shared_ptr<sql::EmbeddedDatabase> warehouse_database;
    /// Imports and what else may take hours; matrices and comparisons, for which somebody waits;
    /// clusterings, which may take minutes of all cores.
    std::unique_ptr<queue::TransactionalQueue> job_queue, matrix_queue, comparison_queue,
        clustering_queue;
    std::unique_ptr<pipeline::JobStore> jobs;
    std::unique_ptr<account::Audit> audit;  ///< the catalog's witness
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<account::Accounts> accounts;
    std::unique_ptr<account::AccessKeys> access_keys;
    std::unique_ptr<loading::RevisionFiles> files;
    std::unique_ptr<image::ImageFiles> images;
    std::unique_ptr<explorer::BodyStore> bodies;
    std::unique_ptr<explorer::Explorer> explorer;
    std::unique_ptr<explorer::Comparisons> comparisons;
    std::unique_ptr<explorer::Clusterings> clusterings;
    std::unique_ptr<annotation::Annotations> annotations;
    std::unique_ptr<warehouse::Warehouse> warehouse;
    std::unique_ptr<loading::DatasetLoader> loader;
    std::unique_ptr<warehouse::ParquetWriter> parquet;
    std::unique_ptr<matrix::MatrixWriter> matrix_writer;
    std::unique_ptr<matrix::RequestStore> matrix_requests;
    std::unique_ptr<matrix::MatrixService> matrices;
    std::unique_ptr<account::Links> links;
    std::unique_ptr<ontology::Ontologies> ontologies;
    std::unique_ptr<portal::Portal> portal;
    std::unique_ptr<Inspection> inspection;
    std::vector<std::function<Result<void>()>> more_gauges;
    std::mutex records_mutex;
    CopyRecords copy_records;
    std::function<Result<void>(const fs::path& to)> copy_tables;
    Site* site = nullptr;  ///< whom BackupStage works on
    std::vector<std::unique_ptr<pipeline::Stage>> stages;
    // Last: they stop before what they work on goes.
    std::unique_ptr<pipeline::Worker> worker, matrix_worker, comparison_worker, clustering_worker;
};

}  // namespace stroma::app
