#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/remote.h"
#include "app/site.h"
#include "app/verb.h"
#include "catalog/principal.h"

namespace stroma::app {

/// A data directory as a verb reaches it: open in this process, or through the server that has it.
/// Exactly one of the two is set.
struct Session {
    std::unique_ptr<Site> site;
    std::optional<Remote> remote;
};

/// errors  as Site::open; unavailable when another process that isn't a server has the directory
Result<Session> open_session(const Invocation& invocation);
/// The same, for verbs that only work in this process.
Result<std::unique_ptr<Site>> open_site(const Invocation& invocation);

/// The dataset that a user named; not_found says how to list them.
Result<catalog::Dataset> named_dataset(Site& site, std::string_view name);

/// A job as JSON, as the API and --json show it, and back.
std::string job_json(const pipeline::Job& job);
Result<pipeline::Job> job_from_json(std::string_view json);

/// Every dataset that isn't withdrawn, with its current revision, as a JSON list.
Result<std::string> datasets_json(Site& site);

/// One dataset with its revisions, columns and matrices, as JSON.
Result<std::string> dataset_json(Site& site, std::string_view name);
/// Changes name, title, collection (its name or id) and visibility, as far as they are members of
/// the JSON object; gives the dataset as datasets_json lists it.
Result<std::string> change_dataset(Site& site, std::string_view name, std::string_view changes);

/// Queues a job, here or at the server. Here the worker is started too.
Result<pipeline::Job> submit(Session& session, std::string_view stage, std::string_view title,
                             std::string_view inputs);
/// Asks a job to stop; one that is queued never starts.
Result<pipeline::Job> cancel(Session& session, const pipeline::Job& job);
/// Follows a job to its end with a progress line, here or at the server. An interrupt cancels it,
/// and before it the `queued_behind`, so that none of them is begun meanwhile.
Result<pipeline::Job> follow(Session& session, const pipeline::Job& job, Invocation& invocation,
                             std::span<const pipeline::Job> queued_behind = {});

}  // namespace stroma::app
