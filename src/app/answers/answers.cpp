#include "app/answers/answers.h"

#include "app/build_info.h"
#include "base/digest.h"

namespace stroma::app {
namespace {

class SiteAnswers final : public front::api::SiteAnswers {
public:
    explicit SiteAnswers(Site& site) : site_(site) {}
    std::string version() override { return app::version(); }
    Result<void> ready() override {
        TRY(site_.catalog().data_version());
        return {};
    }
    Result<void> publish_gauges() override { return site_.publish_gauges(); }
    const Clock& clock() override { return site_.clock(); }

private:
    Site& site_;
};

class AccessAnswers final : public front::api::AccessAnswers {
public:
    explicit AccessAnswers(Site& site) : catalog_(site.catalog()) {}

    std::string local_token;

    Result<catalog::Principal> principal_of_token(std::string_view secret) override {
        if (!local_token.empty() && equal_in_constant_time(secret, local_token))
            return catalog::local_administrator();
        return catalog_.principal_of_token(secret);
    }
    Result<bool> decide(const catalog::Principal& principal, catalog::Action action,
                        const catalog::Thing& thing) override {
        return catalog_.decide(principal, action, thing);
    }
    Result<bool> may(const catalog::Principal& principal, catalog::Action action,
                     const catalog::Thing& thing) override {
        return catalog_.may(principal, action, thing);
    }
    Result<catalog::Principal> create_principal(std::string_view name,
                                                catalog::Role role) override {
        return catalog_.create_principal(name, role);
    }
    Result<std::vector<catalog::Principal>> principals() override { return catalog_.principals(); }
    Result<catalog::NewToken> create_token(std::string_view principal, std::string_view label,
                                           std::vector<std::string> scopes,
                                           std::int64_t expires_ms) override {
        const auto found = TRY(catalog_.find_principal(principal));
        if (!found)
            return fail(ErrorCode::not_found, "no principal '" + std::string(principal) + "'");
        return catalog_.create_token(found->id, label, std::move(scopes), expires_ms);
    }
    Result<std::vector<catalog::Token>> tokens(std::string_view principal) override {
        const auto found = TRY(catalog_.find_principal(principal));
        if (!found) return std::vector<catalog::Token>{};
        return catalog_.tokens(found->id);
    }
    Result<void> revoke_token(std::string_view token_id) override {
        return catalog_.revoke_token(token_id);
    }
    Result<void> grant(const catalog::Grant& grant) override { return catalog_.grant(grant); }
    Result<void> revoke(const catalog::Grant& grant) override { return catalog_.revoke(grant); }
    Result<std::vector<catalog::Grant>> grants_on(std::string_view thing) override {
        return catalog_.grants_on(thing);
    }

private:
    catalog::Catalog& catalog_;
};

}  // namespace

struct Answers::Parts {
    Parts(Site& of, const Settings& settings)
        : site(of),
          access(of),
          matrices(matrix_answers(of)),
          citations(citation_answers(of)),
          sql(sql_answers(of, settings)),
          datasets(dataset_answers(of)),
          imports(import_answers(of, settings)),
          jobs(job_answers(of)) {}
    SiteAnswers site;
    AccessAnswers access;
    std::unique_ptr<front::api::MatrixAnswers> matrices;
    std::unique_ptr<front::api::CitationAnswers> citations;
    std::unique_ptr<front::api::SqlAnswers> sql;
    std::unique_ptr<front::api::DatasetAnswers> datasets;
    std::unique_ptr<front::api::ImportAnswers> imports;
    std::unique_ptr<front::api::JobAnswers> jobs;
};

Answers::Answers(Site& site, const Settings& settings)
    : parts_(std::make_unique<Parts>(site, settings)) {}
Answers::~Answers() = default;

front::api::ApiDomain Answers::domain() {
    return {parts_->site, parts_->access,    *parts_->matrices, *parts_->citations,
            *parts_->sql, *parts_->datasets, *parts_->imports,  *parts_->jobs};
}

void Answers::set_local_token(std::string secret) {
    parts_->access.local_token = std::move(secret);
}

}  // namespace stroma::app
