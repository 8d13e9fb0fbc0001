#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "flow/engine.h"
#include "sql/connection_pool.h"

namespace stroma::flow {

enum class IntakeKind { folder, bucket };
std::string_view name_of(IntakeKind kind);

/// A place where what is put begins a run of a pipeline.
struct Intake {
    std::string name;  ///< letters, digits, '-', '_', '.'
    std::string owner;
    std::string definition;  ///< YAML
    fs::path folder;         ///< that files of its commands lie in
    IntakeKind kind = IntakeKind::folder;
    std::string location;        ///< whole path of a folder, or "bucket/prefix"
    std::string pattern;         ///< names that count, with spaces; "": all
    std::string changes = "{}";  ///< of the pipeline's parameters, a JSON object
    int priority = 0;
    Milliseconds quiet{10'000};  ///< a file is left alone until nobody wrote it for so long
    std::int64_t created_ms = 0;

    /// Whether a file of that name (without folders) counts. Hidden ones never do.
    bool takes(std::string_view file) const;
    std::string bucket() const;  ///< of location
    std::string prefix() const;
};

/// What has come: a file, or an object.
struct Arrival {
    std::string intake;
    std::string source;  ///< "/mnt/scanner/a.tif", "s3://slides/raw/a.tif"
    std::string mark;    ///< changes when the source does: size and time, or the ETag
    std::string hash;    ///< of its bytes
    std::uint64_t bytes = 0;
    std::string run;       ///< its id; "" when none could begin
    bool is_first = true;  ///< false: the run began for the same content before
    std::string error;     ///< why no run began
    std::int64_t at_ms = 0;
};

/// Intakes and what has come to them, in the engine's database. Any thread.
class Intakes {
public:
    /// The references must outlive it; the engine has made the tables.
    Intakes(sql::Database& database, Engine& engine, const Clock& clock);
    /// Called when an intake was added or removed, by that thread; before anybody does.
    void follow(std::function<void()> changed) { changed_ = std::move(changed); }

    /// errors  invalid_input   the pipeline (as Engine::submit), name, folder
    ///         already_exists  with that name
    Result<void> add(Intake intake);
    Result<std::vector<Intake>> all();
    /// What has come is forgotten; runs stay. errors  not_found
    Result<void> remove(std::string_view name);

    /// Whether that state of the source was dealt with.
    Result<bool> is_known(std::string_view intake, std::string_view source, std::string_view mark);
    /// Begins the run for the file, which holds what the source does, once for each content. A run
    /// that can't begin is told of in the arrival.
    Result<Arrival> arrive(const Intake& intake, const std::string& source, const std::string& mark,
                           const fs::path& file);
    /// The newest first; of any intake: "".
    Result<std::vector<Arrival>> arrivals(std::string_view intake, int most);

private:
    sql::ConnectionPool pool_;
    Engine& engine_;
    const Clock& clock_;
    std::function<void()> changed_;
};

}  // namespace stroma::flow
