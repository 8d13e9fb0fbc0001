#include "app/evidence.h"

namespace stroma::app {
namespace {

warehouse::OpenRevision opener(Site& site) {
    return [&site](std::string_view revision) { return site.revision_files().open(revision); };
}

}  // namespace

matrix::Origins origins_of(Site& site) { return {site.catalog(), site.warehouse(), opener(site)}; }

matrix::Snapshots snapshots_of(Site& site) {
    return {site.catalog(), site.matrices().requests(), site.objects(), opener(site)};
}

}  // namespace stroma::app
