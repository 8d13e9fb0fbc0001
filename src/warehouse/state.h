#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sql/embedded_database.h"
#include "warehouse/scan_registry.h"
#include "warehouse/warehouse.h"

namespace stroma::warehouse {

/// What the expression relation needs to name a revision's cells and genes; never changes.
struct RevisionKeys {
    expression::TextArray cellkeys;
    std::vector<bool> called;  ///< by the 100-molecule rule
    std::vector<std::string> featurekeys;
    std::vector<std::string> raw_featurekeys;  ///< of raw.X; filled when there is one
};

/// The keys of the revisions asked for last, within a budget of memory.
class KeyCache {
public:
    std::shared_ptr<const RevisionKeys> find(std::string_view revision);
    void keep(std::string_view revision, std::shared_ptr<const RevisionKeys> keys);

private:
    struct Entry {
        std::string revision;
        std::shared_ptr<const RevisionKeys> keys;
    };
    std::mutex mutex_;
    std::list<Entry> entries_;  // the one asked for last is first
};

struct Warehouse::State {
    sql::Database& database;
    sql::EmbeddedDatabase& engine;
    OpenRevision open_revision;
    const Clock& clock;
    std::shared_ptr<ScanRegistry> scans;
    KeyCache keys;
};

/// A dataset's current revision as a statement's snapshot shows it.
struct VisibleDataset {
    std::int64_t dataset_no = 0, loaded = 0;
    std::string dataset_id, dataset, revision;
    std::int64_t cells = 0, genes = 0;
    bool called_by_total = false;
};

/// The datasets that the scope lets through, by number, in the connection's transaction.
Result<std::vector<VisibleDataset>> visible_datasets(sql::Connection& connection,
                                                     const Scope& scope);

}  // namespace stroma::warehouse
