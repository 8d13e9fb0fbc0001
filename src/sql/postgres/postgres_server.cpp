#include "sql/postgres/postgres_server.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "sql/postgres/postgres_database.h"

namespace stroma::sql {
namespace {

namespace fs = std::filesystem;

/// The newest installed server's programs; "" when there is none.
std::string program_folder() {
    std::vector<fs::path> versions;
    std::error_code problem;
    for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", problem))
        if (fs::exists(version.path() / "bin" / "initdb"))
            versions.push_back(version.path() / "bin");
    return versions.empty() ? "" : std::ranges::max(versions).string();
}

/// PostgreSQL doesn't run as root.
std::string as_its_user() { return geteuid() == 0 ? "runuser -u postgres -- " : ""; }

Result<void> shell(const std::string& command, const std::string& folder) {
    if (std::system(fmt::format("cd / && {} >>{}/log 2>&1", command, folder).c_str()) == 0)
        return {};
    return fail(ErrorCode::unavailable, fmt::format("{} failed; see {}/log", command, folder));
}

std::string address(const std::string& folder, const std::string& name) {
    return fmt::format("host={} user=stroma dbname={}", folder, name);
}

}  // namespace

Result<std::unique_ptr<PostgresServer>> PostgresServer::start() {
    const std::string programs = program_folder();
    if (programs.empty()) return nullptr;
    std::string folder = (fs::temp_directory_path() / "stroma-pg-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return fail(error_from_errno("making", folder, errno));
    if (geteuid() == 0) {
        const passwd* const user = getpwnam("postgres");
        if (user == nullptr || chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0)
            return fail(ErrorCode::unavailable, "there is no user postgres to run the server");
    }
    std::unique_ptr<PostgresServer> server(new PostgresServer(folder));
    TRY(shell(fmt::format("{}{}/initdb -D {}/data -U stroma --auth=trust -E UTF8 --no-locale "
                          "--no-sync",
                          as_its_user(), programs, folder),
              folder));
    TRY(shell(fmt::format("{}{}/pg_ctl -D {}/data -w -l {}/server.log -o \"-k {} -c "
                          "listen_addresses='' -c fsync=off\" start",
                          as_its_user(), programs, folder, folder, folder),
              folder));
    return server;
}

PostgresServer::~PostgresServer() {
    // Where it never started, there is nothing to stop.
    (void)shell(fmt::format("{}{}/pg_ctl -D {}/data -m immediate stop", as_its_user(),
                            program_folder(), folder_),
                folder_);
    std::error_code problem;
    fs::remove_all(folder_, problem);
}

std::string PostgresServer::new_database() {
    const std::string name = fmt::format("test{}", ++databases_);
    const auto server = PostgresDatabase::open(address(folder_, "postgres")).value();
    server->connect().value()->change("CREATE DATABASE " + name).value();
    return address(folder_, name);
}

}  // namespace stroma::sql
