#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/aws/aws_server.h"
#include "app/settings.h"
#include "app/site.h"
#include "app/verb.h"
#include "front/http/server.h"
#include "loader/loader.h"

namespace stroma::app {

/// The loader over the AWS port's queues and buckets. Configurations lie where the setting
/// loader.configs says, or the environment's CONFIG_BUCKET and CONFIG_PREFIX. All outlive it.
Result<std::unique_ptr<loader::Loader>> open_loader(Site& site, const Settings& settings,
                                                    AwsServer& aws, redshift::Engine& engine);

// What verbs show, as JSON, here or from a server.
Result<std::string> loader_status_json(loader::Loader& loader, AwsServer& aws);
Result<std::string> bulk_json(loader::Loader& loader, const std::string& id);
Result<std::string> reconcile_json(loader::Loader& loader, const std::string& request);

/// For the verbs of this program; the local administrator only. Null: answers that there is none.
std::vector<front::http::Route> loader_routes(loader::Loader* loader, AwsServer* aws);

Verb load_verb();
Verb reconcile_verb();

}  // namespace stroma::app
