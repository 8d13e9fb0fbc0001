#include "app/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "app/spelling.h"

namespace stroma::app {
namespace {

using enum SettingKind;

// The table. A new setting is one line here and one place that asks for it; docs/configuration.md
// is written from it by `stroma config --explain`.
constexpr Setting all_settings[] = {
    {"http.address", address, "127.0.0.1:8080", "",
     "Where the web, the REST API and the metrics answer. Loopback only until you say otherwise."},
    {"http.hosts", text, "", "",
     "Names, with spaces between them, under which clients reach this server: needed where a proxy "
     "passes on their Host header to a loopback address; any other name gets 421."},
    {"http.handler_threads", number, "24", "1 … 1024",
     "Requests that are worked on at the same time."},
    {"http.head_max", bytes, "32KiB", "1KiB … 1MiB", "Longest head of a request; above it 431."},
    {"http.url_max", bytes, "8KiB", "256 … 1MiB", "Longest URL; above it 414."},
    {"http.headers_max", number, "100", "8 … 10000", "Most header lines of a request."},
    {"http.idle", duration, "30s", "1s … 1h", "How long a silent connection is kept."},
    {"http.drain", duration, "10s", "0s … 10min",
     "How long running requests may take to end when the server stops."},

    {"http.public_url", text, "", "",
     "How people reach the site, like https://stroma.example/lab: for links, for cookies that need "
     "https and for the provider of sign-in. Empty takes each request's own host."},
    {"http.trusted_proxies", text, "127.0.0.1 ::1", "",
     "Addresses of reverse proxies, with spaces, whose X-Forwarded-For, -Proto and -Host are "
     "believed."},
    {"http.frame_ancestors", text, "'none'", "",
     "Who may show the pages in a frame: 'none', 'self' or origins, with spaces."},

    {"account.session_idle", duration, "24h", "1min … 90d",
     "A session that isn't used for so long is over."},
    {"account.session_length", duration, "14d", "1min … 365d",
     "A session is over after so long, however much it is used."},

    {"oidc.issuer", text, "", "",
     "URL of an OpenID Connect provider by which people may sign in, as it names itself. Its "
     "redirect URI is <site>/account/oidc/callback. Empty has none."},
    {"oidc.client_id", text, "", "", "What the provider calls this site."},
    {"oidc.client_secret_file", path, "", "",
     "File with the secret that the provider gave this site; empty for a public client."},
    {"oidc.title", text, "Sign in with your institution", "", "What the button says."},
    {"oidc.scopes", text, "openid profile email", "", "What the provider is asked for."},
    {"oidc.create_users", boolean, "true", "",
     "Whether who comes first gets a user of their own; else they link an account they have."},
    {"oidc.role_claim", text, "", "",
     "Claim of the ID token that says what somebody may be, like groups: a text or a list. Empty "
     "leaves roles to Stroma; else each sign-in sets the role."},
    {"oidc.administrator_values", text, "", "",
     "Values of that claim, with spaces, that make an administrator."},
    {"oidc.user_values", text, "", "",
     "Values of that claim that let somebody in at all. Empty lets everybody in."},

    {"aws.address", text, "", "",
     "Where AWS-compatible services answer, like 127.0.0.1:4566; empty: nowhere. `serve --aws` "
     "goes before it."},
    {"aws.account", text, "000000000000", "", "The account number in ARNs and queue addresses."},
    {"aws.region", text, "us-east-1", "", "The region of requests whose signature names none."},
    {"aws.domains", text, "", "",
     "Names of this host, with spaces, under which bucket.name is a bucket's address; "
     "bucket.localhost always is."},
    {"aws.tls", choice, "off", "off self-signed files",
     "Whether the port speaks TLS beside plain HTTP: with a certificate made at each start, or "
     "with the two files."},
    {"aws.tls_certificate", path, "", "", "PEM file with the certificate and its chain."},
    {"aws.tls_key", path, "", "", "PEM file with the certificate's key."},
    {"aws.limits", boolean, "false", "",
     "Whether streams refuse what AWS refuses: more than 1,000 records or 1 MiB a second into a "
     "shard, five reads or 2 MiB a second out of it."},
    {"aws.transition", duration, "0s", "0s … 1min",
     "How long a stream is said to be creating, updating or deleting, for clients that look."},
    {"aws.transforms", path, "", "",
     "Folder of programs that transform a delivery's records: the one called NAME is the function "
     "NAME of a LambdaArn. It reads the request on its input and writes its answer, both JSON as "
     "AWS has them. Empty: none."},
    {"aws.lifecycle_interval", duration, "1h", "1s … 7d",
     "How often the lifecycle rules of buckets are looked at."},
    {"aws.cold", path, "", "",
     "Folder for the bytes of S3 objects in the classes GLACIER and DEEP_ARCHIVE, on another disk "
     "perhaps. Empty: the folder cold of the data directory. It moves with nobody: give the new "
     "place before objects are archived, or move the folder while nothing runs."},
    {"aws.access_log", boolean, "false", "",
     "Whether each request to the port is logged; it may be many thousands a second."},

    {"pipeline.cores", number, "0", "0 … 4096",
     "Cores that tasks of pipelines may take together on this machine; 0 takes all there are."},
    {"pipeline.memory", bytes, "0", "0 … 100000GiB",
     "Memory that they may take together; 0 takes four fifths of the machine's."},
    {"pipeline.memory_max", bytes, "0", "0 … 100000GiB",
     "The most that one task is given, also when it ran out of memory; 0 takes the machine's."},
    {"pipeline.tasks_max", number, "64", "0 … 4096",
     "Tasks at a time on this machine; 0 leaves all of them to workers elsewhere."},
    {"pipeline.lease", duration, "60s", "1s … 1h",
     "A task whose worker is heard of no more for so long is given to another."},
    {"pipeline.first_retry", duration, "5s", "0s … 1h",
     "How long a task that failed for the time being waits; then twice that, and so on."},
    {"pipeline.free_least", bytes, "1GiB", "0 … 100000GiB",
     "With less than that free on the data directory's disk no task begins."},
    {"pipeline.archive", path, "", "",
     "Folder for outputs that nobody needs at once, on another disk perhaps. Empty: the folder "
     "pipelines/archive of the data directory. Move what it holds while nothing runs."},
    {"pipeline.shelf_look", duration, "1min", "10ms … 1d",
     "How often outputs are looked for whose time to live, or to lie in reach, is over."},
    {"pipeline.backup", boolean, "true", "",
     "Whether backups hold what pipelines made; it could be computed again."},
    {"pipeline.drain", duration, "1s", "1s … 30d",
     "Processes are started on this machine so that the queue would be done within that time, by "
     "what such tasks took; shorter takes more of them at once, up to pipeline.tasks_max."},

    {"slurm.pilots_max", number, "0", "0 … 4096",
     "Jobs at a Slurm cluster that do tasks of pipelines, at most; 0 leaves Slurm alone. Each does "
     "one task after the other, and several at once where they fit."},
    {"slurm.pilots_least", number, "0", "0 … 4096",
     "As many are kept also while there is nothing to do."},
    {"slurm.drain", duration, "10min", "1s … 30d",
     "There are as many jobs as it takes to have the queue done within that time."},
    {"slurm.cores", number, "1", "1 … 1024", "Cores of each job."},
    {"slurm.memory", bytes, "4GiB", "16MiB … 100000GiB",
     "Memory of each job. A stage that asks for more never runs there."},
    {"slurm.time", duration, "4h", "1min … 365d",
     "How long a job may last; Slurm counts whole minutes."},
    {"slurm.leave", duration, "5min", "0s … 1d",
     "So long before its end a job takes no more tasks; Slurm tells it up to a minute early."},
    {"slurm.idle", duration, "1min", "1s … 1d", "A job without a task for so long ends."},
    {"slurm.partition", text, "", "", "Where jobs are put; empty takes the cluster's default."},
    {"slurm.options", text, "", "",
     "Further options of sbatch for each job, with spaces: --account=lab --qos=low."},
    {"slurm.url", text, "", "",
     "Where jobs reach the server, like http://stroma.lab:8080; empty: under its own address, "
     "which does when the cluster is this machine."},
    {"slurm.interval", duration, "2s", "100ms … 1h", "How often the cluster is asked."},

    {"watch.interval", duration, "5s", "1s … 1h",
     "How often streams, deliveries, queues and rules are looked at for thresholds."},
    {"watch.stream.age", duration, "0s", "0s … 365d",
     "Time that a reader is behind a stream's newest record, from which on an event is published; "
     "0s is never."},
    {"watch.stream.waiting", number, "0", "0 … 1000000000000",
     "The same for records that a reader of a stream is behind; 0 is never."},
    {"watch.stream.errors", number, "0", "0 … 1000000000000",
     "The same for records that a stream refuses in a minute; 0 is never."},
    {"watch.delivery.age", duration, "0s", "0s … 365d",
     "Age of the oldest record that a delivery hasn't delivered, from which on an event is "
     "published; 0s is never."},
    {"watch.delivery.waiting", number, "0", "0 … 1000000000000",
     "The same for records that a delivery hasn't delivered; 0 is never."},
    {"watch.delivery.errors", number, "0", "0 … 1000000000000",
     "The same for failed attempts and refused records of a delivery in a minute; 0 is never."},
    {"watch.queue.age", duration, "0s", "0s … 365d",
     "Age of the oldest message of a queue, from which on an event is published; 0s is never."},
    {"watch.queue.waiting", number, "0", "0 … 1000000000000",
     "The same for messages in a queue; 0 is never."},
    {"watch.queue.errors", number, "0", "0 … 1000000000000",
     "The same for messages that leave a queue for its dead letters in a minute; 0 is never."},
    {"watch.stage.age", duration, "0s", "0s … 365d",
     "Age of the oldest task that a pipeline's stage could do, from which on an event is "
     "published; 0s is never."},
    {"watch.stage.waiting", number, "0", "0 … 1000000000000",
     "The same for tasks that a stage could do and nobody does; 0 is never."},
    {"watch.stage.errors", number, "0", "0 … 1000000000000",
     "The same for attempts of a stage that fail in a minute; 0 is never."},
    {"watch.rule.age", duration, "0s", "0s … 365d",
     "Age of the oldest event that a rule hasn't handed over, from which on an event is published; "
     "0s is never."},
    {"watch.rule.waiting", number, "0", "0 … 1000000000000",
     "The same for events that a rule hasn't handed over; 0 is never."},
    {"watch.rule.errors", number, "0", "0 … 1000000000000",
     "The same for failed attempts of a rule in a minute; 0 is never."},

    {"loader.configs", text, "", "",
     "Where the loader's configurations lie, NAME.json for the queue NAME: a folder, or "
     "s3://bucket/prefix/. Empty: where CONFIG_BUCKET and CONFIG_PREFIX of the environment say, "
     "if anywhere."},
    {"loader.database", text, "", "",
     "The database that the loader's tables and its ledger lie in: empty for the program's own, or "
     "a PostgreSQL server's (15 or later), like postgres://loader@db/lab. Passwords belong in "
     "libpq's passfile, ~/.pgpass."},
    {"loader.interval", duration, "5s", "100ms … 1h", "How often they are looked at."},
    {"postgres.address", text, "", "",
     "Where SQL clients of PostgreSQL and Redshift are answered, like 127.0.0.1:5439; empty: "
     "nowhere. `serve --postgres` goes before it."},
    {"postgres.tls", choice, "off", "off self-signed files",
     "Whether that port offers TLS: with a certificate made at each start, or with the two files. "
     "Beyond loopback it must."},
    {"postgres.tls_certificate", path, "", "", "PEM file with the certificate and its chain."},
    {"postgres.tls_key", path, "", "", "PEM file with the certificate's key."},
    {"postgres.connections_max", number, "100", "1 … 10000",
     "SQL clients that are connected at the same time; one more is turned away."},
    {"postgres.message_max", bytes, "64MiB", "64KiB … 1GiB",
     "Longest message of a SQL client: a statement, or the parameters of one."},
    {"postgres.idle", duration, "4h", "1s … 30d",
     "How long a SQL client may be silent before its session ends."},

    {"log.level", choice, "info", "debug info warning error",
     "The least that is written. Verbs other than serve start at warning."},
    {"log.format", choice, "text", "text json", "One line each, for people or for machines."},

    {"jobs.threads", number, "1", "1 … 64",
     "Imports, exports and backups that run at the same time. Matrices and comparisons have "
     "threads "
     "of their own."},
    {"jobs.attempts_max", number, "5", "1 … 100",
     "After so many attempts that died or had to be repeated a job fails for good."},
    {"jobs.lease", duration, "30s", "1s … 1h",
     "A job whose worker is silent for so long is given to another."},

    {"jobs.queued_of_one", number, "20", "1 … 100000",
     "Jobs of one user that may wait; above it 429. Those without a token and the administrator "
     "are bounded by jobs.queued_max alone, what the command line asks for by neither."},
    {"jobs.queued_max", number, "1000", "1 … 1000000", "Jobs of all that may wait; above it 429."},

    {"upload.file_max", bytes, "50GiB", "1KiB … 64TiB", "Largest upload; above it 413."},
    {"upload.user_max", bytes, "1TiB", "1KiB … 1024TiB",
     "Bytes that one user's uploads may have together until they are imported; above it 507."},
    {"upload.idle", duration, "24h", "1min … 30d",
     "An upload that stands still for so long is removed."},

    {"import.time", duration, "1min", "10ms … 24h",
     "How long a file may take to be parsed, beside 1 s for each 20 MB of it; then the import "
     "fails."},

    {"import.keep_source", boolean, "true", "",
     "Whether a file that was uploaded or fetched is kept as it came, beside the dataset that was "
     "made of it, for those who may download that."},

    {"query.time", duration, "30s", "10ms … 24h", "Wall time of one statement of a user."},
    {"query.memory", bytes, "1GiB", "16MiB … 1TiB", "Memory of one statement of a user."},
    {"query.rows_max", number, "5000000", "1 … 1000000000000", "Most rows of one answer."},
    {"query.bytes_max", bytes, "256MiB", "1KiB … 1TiB", "Most bytes of one answer."},
    {"query.anonymous_time", duration, "10s", "10ms … 24h", "The same of who sends no token."},
    {"query.anonymous_memory", bytes, "512MiB", "16MiB … 1TiB", "The same of who sends no token."},
    {"query.anonymous_rows_max", number, "1000000", "1 … 1000000000000",
     "The same of who sends no token."},
    {"query.anonymous_bytes_max", bytes, "64MiB", "1KiB … 1TiB", "The same of who sends no token."},
    {"query.anonymous_concurrent", number, "2", "1 … 1024",
     "Statements of all who send no token that run at once, beside those of others."},
    {"query.administrator_time", duration, "1h", "10ms … 24h",
     "The same of the administrator, who also is the command line."},
    {"query.administrator_memory", bytes, "2GiB", "16MiB … 1TiB", "The same of the administrator."},
    {"query.administrator_rows_max", number, "1000000000", "1 … 1000000000000",
     "The same of the administrator."},
    {"query.administrator_bytes_max", bytes, "64GiB", "1KiB … 1TiB",
     "The same of the administrator."},
    {"query.concurrent", number, "2", "1 … 1024", "Statements of one principal that run at once."},
    {"query.concurrent_all", number, "4", "1 … 1024",
     "Statements of all principals that run at once; those without a token have turns of their "
     "own."},
    {"query.waiting_max", number, "8", "1 … 1024",
     "Statements that wait for their turn, half of them of one principal, and half as many more of "
     "those without a token; above it 429. Keep all that run or wait below http.handler_threads."},
    {"query.wait", duration, "2s", "0s … 10min", "How long a statement waits; then 429."},

    {"fetch.private_addresses", boolean, "false", "",
     "Whether URLs in requests may lead to loopback and private addresses."},

    {"portal.doi_resolver", text, "https://api.crossref.org/works/", "",
     "What a DOI's title and authors are asked of: the DOI is put behind it, and the answer is "
     "Crossref's JSON. Empty asks nobody."},
    {"portal.profiles", path, "", "",
     "Folder with the site's own validation profiles (*.json, as those of schema/profiles/); one "
     "named like a built-in takes its place. Read when the site is opened."},

    {"warehouse.memory", bytes, "2GiB", "64MiB … 16TiB", "Memory of the warehouse engine."},
    {"warehouse.temp_max", bytes, "8GiB", "0 … 64TiB",
     "Disk that one statement's sorting may use when memory is not enough."},

    {"redshift.memory", bytes, "0", "0 … 16TiB",
     "Memory of the engine of users' tables, which the PostgreSQL port and the Data API ask, "
     "statements and cached blocks together; 0 takes a quarter of the machine's or of the "
     "container's, at least 1GiB. With less, large loads are slower."},
    {"redshift.temp_max", bytes, "8GiB", "0 … 64TiB",
     "Disk that its sorting may use when memory is not enough."},

    {"matrix.threads", number, "1", "1 … 64", "Matrix files that are made at the same time."},
    {"matrix.retention", duration, "30d", "1s … 3650d",
     "How long the result of a matrix request is kept; then it is expired and can be renewed."},

    {"explorer.bodies_max", bytes, "4GiB", "1MiB … 64TiB",
     "Disk for answers about revisions that are kept packed; those unused longest go first."},
    {"explorer.comparison_budget", duration, "1s", "0s … 30s",
     "How long a comparison of cells may take within its request; then it becomes a job."},
    {"explorer.comparisons_at_once", number, "2", "1 … 64",
     "Comparisons within requests at the same time; others wait for the budget, then are jobs."},

    {"explorer.comparison_threads", number, "1", "1 … 64",
     "Comparisons past their budget that run at the same time."},

    {"bundle.symbols", path, "", "",
     "Table of Ensembl ids and gene symbols (10x genes.tsv) for bundles that name genes by "
     "symbols; empty takes the imported annotation."},

    {"dss.url", text, "", "",
     "Folder that bundles of notifications are taken from; empty refuses them."},
    {"dss.hmac_key_file", path, "", "",
     "File with the key that signs notifications; mode 600. Empty refuses them."},
};

const Setting* find_setting(std::string_view name) {
    for (const auto& setting : all_settings)
        if (setting.name == name) return &setting;
    return nullptr;
}

struct SettingUnit {
    std::string_view name;
    std::int64_t size;
};
constexpr SettingUnit byte_units[] = {{"", 1},
                                      {"B", 1},
                                      {"kB", 1000},
                                      {"MB", 1000000},
                                      {"GB", 1000000000},
                                      {"TB", 1000000000000},
                                      {"KiB", 1LL << 10},
                                      {"MiB", 1LL << 20},
                                      {"GiB", 1LL << 30},
                                      {"TiB", 1LL << 40}};
constexpr SettingUnit time_units[] = {
    {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
constexpr SettingUnit no_units[] = {{"", 1}};

/// "12 MiB" with the units of a kind; nothing when it isn't one.
std::optional<std::int64_t> parse_amount(std::string_view text,
                                         std::span<const SettingUnit> units) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    for (const auto& known : units) {
        std::int64_t product = 0;
        if (known.name == unit && !__builtin_mul_overflow(number, known.size, &product))
            return product;
    }
    return std::nullopt;
}

std::span<const SettingUnit> units_of(SettingKind kind) {
    if (kind == bytes) return byte_units;
    if (kind == duration) return time_units;
    return no_units;
}

bool is_amount(SettingKind kind) { return kind == number || kind == bytes || kind == duration; }

std::string_view notation(SettingKind kind) {
    switch (kind) {
        case text: return "a text";
        case path: return "a path";
        case address: return "ADDRESS:PORT, like 127.0.0.1:8080";
        case number: return "a whole number";
        case bytes: return "bytes, like 512MiB";
        case duration: return "a time, like 250ms, 30s, 5min, 24h or 7d";
        case boolean: return "true or false";
        case choice: return "one of the words";
    }
    return "";
}

bool is_address(std::string_view value) {
    const std::size_t colon = value.rfind(':');
    if (colon == value.npos || colon == 0) return false;
    const auto port = parse_amount(value.substr(colon + 1), no_units);
    return port && *port >= 0 && *port <= 65535;
}

bool is_one_of(std::string_view word, std::string_view words) {
    const std::string spaced = " " + std::string(words) + " ";
    return !word.empty() && spaced.find(" " + std::string(word) + " ") != spaced.npos;
}

bool is_within(const Setting& setting, std::int64_t value) {
    constexpr std::string_view dots = " … ";
    const std::size_t middle = setting.limit.find(dots);
    if (middle == setting.limit.npos) return true;
    const auto units = units_of(setting.kind);
    const auto least = parse_amount(setting.limit.substr(0, middle), units);
    const auto most = parse_amount(setting.limit.substr(middle + dots.size()), units);
    assert(least && most);
    return value >= *least && value <= *most;
}

/// The number behind a value; the error is the end of a sentence that says what would be right.
Result<std::int64_t> read_value(const Setting& setting, std::string_view value) {
    const auto wrong = [](std::string what) {
        return fail(ErrorCode::invalid_input, std::move(what));
    };
    if (is_amount(setting.kind)) {
        const auto amount = parse_amount(value, units_of(setting.kind));
        if (!amount) return wrong("isn't " + std::string(notation(setting.kind)));
        if (!is_within(setting, *amount)) return wrong("is outside " + std::string(setting.limit));
        return *amount;
    }
    if (setting.kind == boolean) {
        if (value != "true" && value != "false") return wrong("isn't true or false");
        return value == "true" ? 1 : 0;
    }
    if (setting.kind == choice && !is_one_of(value, setting.limit))
        return wrong("isn't one of: " + std::string(setting.limit));
    if (setting.kind == address && !is_address(value))
        return wrong("isn't " + std::string(notation(address)));
    return 0;
}

}  // namespace

std::span<const Setting> setting_table() { return all_settings; }

Settings::Settings() {
    for (const auto& setting : all_settings) {
        const auto done = set(setting.name, setting.default_value, "default");
        assert(done);
    }
}

Result<void> Settings::set(std::string_view name, std::string_view value, std::string_view origin) {
    const Setting* setting = find_setting(name);
    if (setting == nullptr) {
        std::vector<std::string> names;
        for (const auto& known : all_settings) names.emplace_back(known.name);
        return fail(ErrorCode::invalid_input, fmt::format("{}: there is no setting '{}'{}", origin,
                                                          name, did_you_mean(name, names)));
    }
    const auto read = read_value(*setting, value);
    if (!read)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: {} = '{}' {}", origin, name, value, read.error().message));
    values_.insert_or_assign(std::string(name),
                             Value{std::string(value), *read, std::string(origin)});
    return {};
}

const Settings::Value& Settings::value(std::string_view name,
                                       std::initializer_list<SettingKind> kinds) const {
    const Setting* setting = find_setting(name);
    assert(setting != nullptr);
    assert(kinds.size() == 0 ||
           std::find(kinds.begin(), kinds.end(), setting->kind) != kinds.end());
    return values_.find(name)->second;
}

std::string Settings::text(std::string_view name) const { return value(name, {}).text; }
std::int64_t Settings::number(std::string_view name) const {
    return value(name, {SettingKind::number}).number;
}
std::uint64_t Settings::bytes(std::string_view name) const {
    return static_cast<std::uint64_t>(value(name, {SettingKind::bytes}).number);
}
Milliseconds Settings::duration(std::string_view name) const {
    return Milliseconds{value(name, {SettingKind::duration}).number};
}
bool Settings::boolean(std::string_view name) const {
    return value(name, {SettingKind::boolean}).number == 1;
}
std::string Settings::origin(std::string_view name) const { return value(name, {}).origin; }

std::string environment_name(std::string_view setting) {
    std::string name = "STROMA_";
    for (const char c : setting)
        name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

std::string explain_settings() {
    std::string page =
        "# Configuration\n\n"
        "Every setting has a default that is good for one machine. To change one, in rising order "
        "of who wins:\n"
        "`stroma.toml` in the data directory (or `--config FILE`), the environment, "
        "`--set name=value`.\n"
        "`stroma config` shows the values in force and who set them. This page is what "
        "`stroma config --explain` prints.\n";
    std::string_view section;
    for (const auto& setting : all_settings) {
        const std::string_view its_section = setting.name.substr(0, setting.name.find('.'));
        if (its_section != section) {
            section = its_section;
            page += fmt::format(
                "\n## [{}]\n\n| setting | default | limit | meaning |\n"
                "|---|---|---|---|\n",
                section);
        }
        const std::string limit = setting.limit.empty() ? std::string(notation(setting.kind))
                                                        : std::string(setting.limit);
        page += fmt::format("| `{}` | {} | {} | {} `{}` |\n", setting.name,
                            setting.default_value.empty() ? "none" : setting.default_value, limit,
                            setting.meaning, environment_name(setting.name));
    }
    return page;
}

}  // namespace stroma::app
