#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "annotation/labels_csv.h"
#include "front/annotation/annotation_front.h"

// What the route files of this folder share.

namespace stroma::front::annotation {

using Answer = Result<http::Response>;
using AnnotationHandler = Answer (*)(const AnnotationDomain&, http::Request&);

struct AnnotationRoute {
    const char* method;
    const char* pattern;
    AnnotationHandler handler;
    bool needs_if_match = false;  ///< 428 without; a conflict is then 412
};
std::vector<AnnotationRoute> space_routes();
std::vector<AnnotationRoute> label_routes();
std::vector<AnnotationRoute> label_table_routes();
std::vector<AnnotationRoute> gene_set_routes();
std::vector<AnnotationRoute> kept_routes();
/// cellxgene's API with a space's own labels and gene sets, and its other routes as below /d.
std::vector<AnnotationRoute> cellxgene_overlay_routes();
std::vector<http::Route> cellxgene_read_routes(const AnnotationDomain& domain);

/// The space, when the principal may do that with it; unreadable and absent look alike.
Result<stroma::annotation::Space> find_space(const AnnotationDomain& domain,
                                             const http::Request& request, const std::string& id,
                                             catalog::Action action);
/// What a path's {space} and {revision} name: the revision must be readable, too.
struct FoundPlace {
    stroma::annotation::LabelPlace place;
    std::shared_ptr<const stroma::explorer::RevisionData> data;
};
Result<FoundPlace> find_place(const AnnotationDomain& domain, const http::Request& request,
                              catalog::Action action);
/// The revision, open, when the principal may read it. A removed one is not_found.
Result<std::shared_ptr<const stroma::explorer::RevisionData>> open_revision(
    const AnnotationDomain& domain, const http::Request& request, const std::string& id);
/// The column of the path's {column}.
Result<stroma::annotation::LabelColumn> find_column(const AnnotationDomain& domain,
                                                    const http::Request& request,
                                                    catalog::Action action);

/// The revision's cells with their ids; lives as long as `data`.
struct OpenCells {
    std::shared_ptr<const expression::Frame> obs;
    stroma::annotation::CellIds ids;
};
Result<OpenCells> open_cells(const stroma::explorer::RevisionData& data);
std::uint32_t cells_in(const stroma::explorer::RevisionData& data);

stroma::annotation::Author author_of(const http::Request& request);
/// The first tag of If-Match, without quotes; "*" as it is.
std::string if_match(const http::Request& request);
/// The version that If-Match names behind `prefix`. conflict when it names none of this thing
Result<std::int64_t> version_in(const std::string& tag, std::string_view prefix,
                                std::int64_t current);

/// With ETag and no-cache; 304 when the client has it.
http::Response current_answer(const http::Request& request, http::Response response,
                              std::string_view etag);
/// True when If-None-Match names the tag.
bool is_known(const http::Request& request, std::string_view etag);

nlohmann::ordered_json entry_json(const stroma::annotation::HistoryEntry& entry);
nlohmann::ordered_json column_json(const stroma::annotation::LabelColumn& column,
                                   const stroma::annotation::LabelState& state);
nlohmann::ordered_json runs_json(const stroma::annotation::CellRuns& runs);

/// Cells of a body: runs [[first, end), …], {"column", "labels"} of obs, {"selection": id}.
/// errors  invalid_input with the pointer
Result<stroma::annotation::CellRuns> cells_in_json(const AnnotationDomain& domain,
                                                   const http::Request& request,
                                                   const stroma::explorer::RevisionData& data,
                                                   const nlohmann::ordered_json& json,
                                                   const std::string& pointer);

/// A tag over all columns of a place: it changes when one does.
std::string etag_of(const std::vector<stroma::annotation::LabelColumn>& columns);

}  // namespace stroma::front::annotation
