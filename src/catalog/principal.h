#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stroma::catalog {

enum class Role { anonymous, user, administrator };

/// What can be asked for.
enum class Action { read, create, change, remove, share, administer, comment };

enum class ThingKind {
    site,
    collection,
    dataset,
    job,
    matrix_request,
    upload,
    result,
    space,
    view,
    // What comes in through the AWS port
    bucket,
    stream,  ///< also a delivery stream
    queue,
    bus
};

/// What a capability link lets whoever holds it read: one thing, of a collection its datasets, of a
/// view the dataset that it shows.
struct LinkRight {
    std::string link;  ///< its id
    ThingKind kind = ThingKind::dataset;
    std::string thing;
    std::string shown;      ///< of a view: the dataset
    bool comments = false;  ///< and comment on it
};

/// How a principal came in, for the record; empty of this process itself.
struct Asking {
    std::string by;       ///< "session", "token", or "" of nobody
    std::string proof;    ///< id of the session or token
    std::string address;  ///< the client's
    std::string request;  ///< "PATCH /v1/datasets/blood", without the query
    std::string request_id;
};

/// Who asks. The local owner of the data directory is the administrator "local".
struct Principal {
    std::string id, name;
    Role role = Role::anonymous;
    bool disabled = false;
    std::int64_t created_ms = 0;
    /// Set when the principal came by a token: what it may do at most; empty is all.
    std::vector<std::string> scopes;
    std::vector<LinkRight> links;  ///< what it may read beside, also when anonymous
    Asking asking;
};

Principal anonymous_principal();
/// The owner of the data directory, working without a server or with its own token.
Principal local_administrator();

struct Thing {
    ThingKind kind = ThingKind::site;
    std::string id;        ///< "" for the site, and for create
    std::string owner;     ///< of what the catalog doesn't hold: all but site, collection, dataset
    bool by_link = false;  ///< of views: whoever has the id may read it
};

struct Grant {
    std::string thing;  ///< id of a dataset, collection or space
    std::string principal;
    std::string access;  ///< "read", "write", "own"
    /// A space isn't held by the catalog: who grants has seen that it is there.
    ThingKind kind = ThingKind::dataset;
};

struct Token {
    std::string id, principal, label;
    std::vector<std::string> scopes;
    std::int64_t created_ms = 0, expires_ms = 0, used_ms = 0;
    bool revoked = false;
};

struct NewToken {
    Token token;
    std::string secret;  ///< "stroma_…", shown once
};

}  // namespace stroma::catalog
