#include "sql/duckdb/duckdb_database.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <map>

#include "base/threads.h"
#include "sql/duckdb/duckdb_error.h"
#include "sql/duckdb/duckdb_instance.h"

namespace stroma::sql {

DuckDbInstance::~DuckDbInstance() {
    helpers.reset();
    if (database != nullptr) duckdb_close(&database);
}

namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

std::size_t threads_of(const DuckDbOptions& options) {
    return options.threads == 0 ? thread_count() : options.threads;
}

Settings settings_of(const DuckDbOptions& options) {
    const std::string threads = std::to_string(threads_of(options));
    Settings settings = {
        {"memory_limit", fmt::format("{}B", options.memory_bytes)},
        {"threads", threads},
        {"external_threads", threads},  // our helpers, and who asks
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"temp_directory", options.temp_folder.string()},
    };
    if (!options.temp_folder.empty()) {
        settings.emplace_back("max_temp_directory_size",
                              fmt::format("{}B", options.temp_bytes_max));
    }
    if (!options.storage_version.empty())
        settings.emplace_back("storage_compatibility_version", options.storage_version);
    if (options.fenced && options.open_folders.empty()) {
        settings.emplace_back("enable_external_access", "false");
    }
    return settings;
}

Error damaged(const std::string& name, std::string_view message) {
    return Error{ErrorCode::corrupt,
                 fmt::format("{}: the warehouse's file or its log (.wal) is damaged: {}. Restore "
                             "the last backup with `stroma restore`; nothing was changed",
                             name, message.substr(0, message.find('\n')))};
}

Result<std::shared_ptr<DuckDbInstance>> open_instance(const DuckDbOptions& options) {
    auto instance = std::make_shared<DuckDbInstance>();
    instance->file = options.file;
    instance->name = options.file.empty() ? "memory" : options.file.string();
    duckdb_config config = nullptr;
    duckdb_create_config(&config);
    for (const auto& [name, value] : settings_of(options)) {
        if (duckdb_set_config(config, name.c_str(), value.c_str()) == DuckDBError) {
            duckdb_destroy_config(&config);
            return fail(ErrorCode::unsupported,
                        fmt::format("this DuckDB does not know the setting {}={}", name, value));
        }
    }
    char* message = nullptr;
    const auto state = duckdb_open_ext(options.file.empty() ? nullptr : options.file.c_str(),
                                       &instance->database, config, &message);
    duckdb_destroy_config(&config);
    if (state == DuckDBSuccess) {
        instance->helpers =
            std::make_unique<EngineThreads>(instance->database, threads_of(options) - 1);
        return instance;
    }
    const std::string text = message == nullptr ? "it cannot be opened" : message;
    duckdb_free(message);
    if (text.find("Could not set lock") != std::string::npos) {
        return fail(ErrorCode::unavailable,
                    instance->name + ": another process has this warehouse open");
    }
    const bool of_system = text.find("Permission denied") != std::string::npos ||
                           text.find("No such file") != std::string::npos ||
                           text.find("No space left") != std::string::npos;
    if (of_system) return fail(ErrorCode::unavailable, instance->name + ": " + text);
    return fail(damaged(instance->name, text));
}

class DuckDbDatabase final : public EmbeddedDatabase {
public:
    explicit DuckDbDatabase(std::shared_ptr<DuckDbInstance> instance)
        : instance_(std::move(instance)) {}

    Result<std::unique_ptr<Connection>> connect() override { return connect_duckdb(instance_); }
    Abilities abilities() const override {
        return {.concurrent_writers = instance_->writers.is_wide(),
                .columnar = true,
                .interruptible = true};
    }
    Result<void> add_table_function(const std::string& name, TableFunction function) override {
        auto connection = TRY(connect());
        return register_table_function(handle_of(*connection), name, std::move(function));
    }
    Result<void> checkpoint() override {
        auto connection = TRY(connect());
        TRY(connection->change("CHECKPOINT"));
        return {};
    }
    Result<void> backup_to(const fs::path& path) override;
    Result<void> verify() override;
    Result<std::uint64_t> write_parquet(std::shared_ptr<TableScan> rows,
                                        const std::vector<std::string>& names,
                                        const std::vector<std::string>& engine_types,
                                        const fs::path& path) override;
    Result<std::unique_ptr<Rows>> execute_named(Connection& connection, std::string_view statement,
                                                const NamedValues& values) override {
        return execute_duckdb(connection, statement, values);
    }
    std::shared_ptr<void> without_helpers() override {
        instance_->helpers->hold();
        return {nullptr, [instance = instance_](void*) { instance->helpers->release(); }};
    }
    std::optional<double> progress(Connection& connection) override {
        const auto progress = duckdb_query_progress(handle_of(connection));
        if (progress.percentage < 0) return std::nullopt;
        return std::min(progress.percentage / 100, 1.0);
    }

private:
    std::shared_ptr<DuckDbInstance> instance_;
};

Result<void> copy_bytes(const File& from, const fs::path& to) {
    auto out = TRY(File::create(to));
    const std::uint64_t size = TRY(from.size());
    Bytes buffer(std::min<std::uint64_t>(size, 4u << 20));
    for (std::uint64_t at = 0; at < size; at += buffer.size()) {
        const std::span part(buffer.data(), std::min<std::uint64_t>(buffer.size(), size - at));
        TRY(from.read_at(at, part));
        TRY(out.write_at(at, part));
    }
    return out.sync();
}

Result<void> DuckDbDatabase::backup_to(const fs::path& path) {
    if (instance_->file.empty()) {
        return fail(ErrorCode::unsupported, "a database in memory has no file to back up");
    }
    const std::lock_guard one(instance_->backup_mutex);
    TRY(checkpoint());
    if (!instance_->writers.enter([] { return false; })) {
        return fail(ErrorCode::cancelled, "the backup was called off");
    }
    // Nobody commits now, so neither file changes. What the checkpoint could not bring over, an
    // old reader holding it back, is in the log: both together are the database.
    const auto copy = [&]() -> Result<void> {
        fs::path log = instance_->file;
        log += ".wal";
        fs::path log_copy = path;
        log_copy += ".wal";
        instance_->kept_open.push_back(TRY(File::open_to_read(instance_->file)));
        TRY(copy_bytes(instance_->kept_open.back(), path));
        if (fs::exists(log)) {
            instance_->kept_open.push_back(TRY(File::open_to_read(log)));
            TRY(copy_bytes(instance_->kept_open.back(), log_copy));
        }
        return sync_folder(fs::absolute(path).parent_path());
    };
    auto copied = copy();
    instance_->writers.leave();
    return copied;
}

std::string quote_with(std::string_view text, char mark) {
    std::string result(1, mark);
    for (const char letter : text) {
        result += letter;
        if (letter == mark) result += mark;
    }
    return result + mark;
}

Result<void> DuckDbDatabase::verify() {
    auto connection = TRY(connect());
    TRY(connection->begin(TransactionKind::read));
    auto tables = TRY(connection->execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"));
    std::vector<std::string> names;
    while (TRY(tables->next())) {
        names.push_back(quote_with(tables->text(0), '"') + "." + quote_with(tables->text(1), '"'));
    }
    tables.reset();
    for (const auto& name : names) {
        auto read = connection->execute(fmt::format("SELECT bit_xor(hash(t)) FROM {} AS t", name));
        if (read) {
            auto row = (*read)->next();
            if (!row)
                return fail(damaged(instance_->name + ", table " + name, row.error().message));
        } else {
            return fail(damaged(instance_->name + ", table " + name, read.error().message));
        }
    }
    return {};
}

Result<std::uint64_t> DuckDbDatabase::write_parquet(std::shared_ptr<TableScan> rows,
                                                    const std::vector<std::string>& names,
                                                    const std::vector<std::string>& engine_types,
                                                    const fs::path& path) {
    DuckDbOptions options;
    options.fenced = false;
    options.memory_bytes = std::uint64_t{1} << 30;
    const auto writer = TRY(open_instance(options));
    auto connection = TRY(connect_duckdb(writer));
    std::string columns;
    for (std::size_t index = 0; index < rows->columns().size(); ++index) {
        const std::string from = quote_with(rows->columns()[index].name, '"');
        // JSON is written as the text that it is: not every reader of Parquet knows the type.
        const bool has_type = index < engine_types.size() && !engine_types[index].empty() &&
                              engine_types[index] != "JSON";
        const bool has_name = index < names.size() && !names[index].empty();
        const std::string value =
            has_type ? fmt::format("CAST({} AS {})", from, engine_types[index]) : from;
        columns += fmt::format("{}{} AS {}", index == 0 ? "" : ", ", value,
                               has_name ? quote_with(names[index], '"') : from);
    }
    TRY(register_table_function(
        handle_of(*connection), "scanned_rows",
        [rows](std::string_view) -> Result<std::shared_ptr<TableScan>> { return rows; }));
    return static_cast<std::uint64_t>(TRY(connection->change(fmt::format(
        "COPY (SELECT {} FROM scanned_rows('')) TO {} (FORMAT parquet, COMPRESSION zstd)", columns,
        quote_with(path.string(), '\'')))));
}

// One instance per file in this process: a second one would write over the first's blocks.
std::mutex open_files_mutex;
std::map<fs::path, std::weak_ptr<DuckDbInstance>>& open_files() {
    static std::map<fs::path, std::weak_ptr<DuckDbInstance>> files;
    return files;
}

}  // namespace

Result<std::shared_ptr<EmbeddedDatabase>> open_duckdb(const DuckDbOptions& options) {
    std::shared_ptr<DuckDbInstance> instance;
    if (options.file.empty()) {
        instance = TRY(open_instance(options));
    } else {
        const std::lock_guard lock(open_files_mutex);
        const fs::path name = fs::weakly_canonical(options.file);
        instance = open_files()[name].lock();
        if (instance == nullptr) {
            instance = TRY(open_instance(options));
            open_files()[name] = instance;
        } else {
            return std::make_shared<DuckDbDatabase>(std::move(instance));
        }
    }
    auto database = std::make_shared<DuckDbDatabase>(instance);
    auto connection = TRY(database->connect());
    TRY(connection->run_script("SET GLOBAL errors_as_json = false"));
    if (options.concurrent_writers) instance->writers.open_wide();
    if (!options.open_folders.empty()) {
        std::string folders;
        for (const fs::path& folder : options.open_folders)
            folders += (folders.empty() ? "" : ", ") + quote_with(folder.string() + "/", '\'');
        TRY(connection->run_script(fmt::format("SET GLOBAL allowed_directories = [{}]", folders)));
        if (options.fenced)
            TRY(connection->run_script("SET GLOBAL enable_external_access = false"));
    }
    // As in SQL, 5 / 2 is 2.
    if (options.integer_division) TRY(connection->run_script("SET GLOBAL integer_division = true"));
    if (options.fenced && !options.open_settings)
        TRY(connection->run_script("SET GLOBAL lock_configuration = true"));
    return database;
}

Result<void> rewrite_duckdb(const fs::path& file) {
    fs::path fresh = file, fresh_log, log = file;
    fresh += ".rewritten";
    fresh_log = fresh;
    fresh_log += ".wal";
    log += ".wal";
    for (const auto& path : {fresh, fresh_log}) TRY(remove_file(path));
    {
        DuckDbOptions options;
        options.file = fresh;
        options.fenced = false;
        const auto instance = TRY(open_instance(options));
        auto connection = TRY(connect_duckdb(instance));
        const auto name = TRY(connection->execute("SELECT current_database()"));
        TRY(name->next());
        TRY(connection->run_script(
            fmt::format("ATTACH {} AS old_file; COPY FROM DATABASE old_file TO {}; "
                        "DETACH old_file; CHECKPOINT",
                        quote_with(file.string(), '\''), quote_with(name->text(0), '"'))));
    }
    TRY(File::open_to_write(fresh).and_then([](File opened) { return opened.sync(); }));
    // The old file's log was brought into it when it was detached.
    TRY(rename_file(fresh, file));
    TRY(remove_file(log));
    return sync_folder(fs::absolute(file).parent_path());
}

}  // namespace stroma::sql
