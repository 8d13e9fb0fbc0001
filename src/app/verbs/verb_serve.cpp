#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {
Verb serve_verb() {
    auto options = std::make_shared<ServeOptions>();
    return {
        .name = "serve",
        .summary = "Answer over HTTP and work on jobs, until stopped",
        .text =
            "Prints the address when it is ready, and /health answers from then on. Listens "
            "on this machine only unless an address says otherwise. Ends at Ctrl-C or "
            "SIGTERM, after running requests are answered; jobs go on at the next start.",
        .examples =
            "  stroma serve --data lab\n"
            "  stroma serve --data lab --http 127.0.0.1:0\n"
            "  stroma serve --data lab --aws 127.0.0.1:4566 --postgres 127.0.0.1:5439\n",
        .options =
            {{"--http", &options->http, "ADDR:PORT",
              "web, REST API and metrics; port 0 picks one (default: http.address)"},
             {"--aws", &options->aws, "ADDR:PORT",
              "AWS-compatible services; port 0 picks one (default: aws.address, or nowhere)"},
             {"--insecure-any-credentials", &options->any_credentials, "",
              "on the AWS and PostgreSQL ports anybody is the administrator; loopback only"},
             {"--postgres", &options->postgres, "ADDR:PORT",
              "SQL clients of PostgreSQL and Redshift; port 0 picks one (default: "
              "postgres.address, "
              "or nowhere)"}},
        .run = [options](Invocation& invocation) { return run_serve(*options, invocation); },
    };
}

}  // namespace stroma::app
