#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "explorer/body_store.h"
#include "explorer/gene_names.h"
#include "expression/sealed_dataset.h"

namespace stroma::explorer {

/// One revision open for questions. Immutable.
struct RevisionData {
    std::string revision;
    std::shared_ptr<const expression::SealedDataset> sealed;
    GeneNames genes;                     ///< of var
    std::optional<GeneNames> raw_genes;  ///< of raw.X, where there is one

    /// The genes of one matrix ("X", "raw.X", "layers/counts"). not_found
    Result<const GeneNames*> genes_of(std::string_view matrix) const;
};

/// Answers about sealed revisions, which are the same for ever: what makes an answer is given, what
/// was made before is found. Any thread.
class Explorer {
public:
    using OpenRevision =
        std::function<Result<std::shared_ptr<const expression::SealedDataset>>(std::string_view)>;
    using MakeAnswer = std::function<Result<Made>(const RevisionData&)>;

    Explorer(OpenRevision open, BodyStore& bodies) : open_(std::move(open)), bodies_(bodies) {}

    /// errors  not_found  no such revision, or it was removed     corrupt
    Result<std::shared_ptr<const RevisionData>> open(std::string_view revision);
    /// The answer's bytes, made only when they aren't stored.
    Result<Body> answer(const Representation& wanted, const MakeAnswer& make);

private:
    static constexpr std::size_t open_max = 16;
    const OpenRevision open_;
    BodyStore& bodies_;
    std::mutex mutex_;
    std::list<std::string> newest_first_;
    std::map<std::string, std::shared_ptr<const RevisionData>, std::less<>> by_revision_;
};

}  // namespace stroma::explorer
