#include "app/aws/ingest_store.h"

namespace stroma::app {

Result<std::unique_ptr<IngestStore>> IngestStore::open(const fs::path& data) {
    return std::make_unique<IngestStore>(TRY(sql::SqliteDatabase::open(data / "ingest.sqlite")));
}

}  // namespace stroma::app
