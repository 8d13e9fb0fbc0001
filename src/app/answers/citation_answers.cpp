#include "app/answers/answers.h"
#include "app/answers/stored_result.h"
#include "app/evidence.h"

namespace stroma::app {
namespace {

class CitationAnswers final : public front::api::CitationAnswers {
public:
    explicit CitationAnswers(Site& site)
        : site_(site), origins_(origins_of(site)), snapshots_(snapshots_of(site)) {}

    Result<front::api::CitedResult> result(const catalog::Principal& principal,
                                           std::string_view name) override {
        return with_file(TRY(site_.matrices().cited(name, principal)));
    }
    Result<front::api::CitedResult> other_format(const catalog::Principal& principal,
                                                 const matrix::MatrixRequest& request,
                                                 std::string_view suffix) override {
        return with_file(
            TRY(site_.matrices().in_format(request, "." + std::string(suffix), principal)));
    }
    Result<std::string> difference(const catalog::Principal& principal, std::string_view from,
                                   std::string_view to, std::stop_token stop) override {
        return snapshots_.difference(from, to, principal,
                                     {.progress = {}, .cancelled = [stop = std::move(stop)] {
                                          return stop.stop_requested();
                                      }});
    }
    Result<std::string> origin(const catalog::Principal& principal,
                               const matrix::OriginQuestion& question) override {
        return origins_.find(question, TRY(site_.matrices().scope_of(principal)));
    }

private:
    Result<front::api::CitedResult> with_file(matrix::MatrixRequest request) {
        front::api::CitedResult cited{std::nullopt, std::move(request)};
        if (!cited.request.object_key.empty())
            cited.file = TRY(stored_result(site_, cited.request));
        return cited;
    }

    Site& site_;
    matrix::Origins origins_;
    matrix::Snapshots snapshots_;
};

}  // namespace

std::unique_ptr<front::api::CitationAnswers> citation_answers(Site& site) {
    return std::make_unique<CitationAnswers>(site);
}

}  // namespace stroma::app
