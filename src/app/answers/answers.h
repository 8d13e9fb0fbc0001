#pragma once

#include <memory>

#include "app/settings.h"
#include "app/site.h"
#include "front/api/api_domain.h"

namespace stroma::app {

/// What the REST API asks, answered from a Site: each operation is one call of a domain folder.
/// The site and the settings outlive it. Any thread.
class Answers {
public:
    Answers(Site& site, const Settings& settings);
    ~Answers();
    front::api::ApiDomain domain();

    /// The secret that stands for the local administrator while this process serves: what verbs
    /// use that find the directory taken.
    void set_local_token(std::string secret);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

std::unique_ptr<front::api::MatrixAnswers> matrix_answers(Site& site);
std::unique_ptr<front::api::CitationAnswers> citation_answers(Site& site);
std::unique_ptr<front::api::SqlAnswers> sql_answers(Site& site, const Settings& settings);
std::unique_ptr<front::api::DatasetAnswers> dataset_answers(Site& site);
std::unique_ptr<front::api::ImportAnswers> import_answers(Site& site, const Settings& settings);
std::unique_ptr<front::api::JobAnswers> job_answers(Site& site);

}  // namespace stroma::app
