#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "explorer/explorer.h"
#include "front/api/api_domain.h"
#include "front/http/server.h"
#include "ontology/ontologies.h"
#include "portal/portal.h"

namespace stroma::front::portal {

/// A view that somebody kept, and the dataset that it shows.
struct ShownView {
    catalog::Thing thing;
    std::string dataset;
};
using FindShownView = std::function<Result<std::optional<ShownView>>(const std::string& view)>;

/// What the routes ask. The references outlive the front.
struct PortalDomain {
    api::ApiDomain api;
    stroma::portal::Portal& portal;
    ontology::Ontologies& ontologies;
    stroma::explorer::Explorer& explorer;
    /// What a DOI is asked of: its text is put behind it, and the answer is Crossref's JSON. ""
    /// asks nobody.
    std::string doi_resolver;
    bool fetch_private_addresses = false;
    FindShownView find_view;
    std::string public_url;  ///< "https://stroma.example"; "" takes the request's own Host
};

/// The routes below /v1/portal. Any thread; outlives the server.
class PortalFront {
public:
    explicit PortalFront(PortalDomain domain);
    ~PortalFront();
    std::vector<http::Route> routes();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace stroma::front::portal
