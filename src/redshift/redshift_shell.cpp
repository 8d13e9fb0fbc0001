// A console for the dialect, for those who work on it: statements from standard input, answers out.
#include <cstdio>
#include <iostream>
#include <iterator>

#include "redshift/engine.h"
#include "redshift/folder_lake.h"

using namespace stroma;

int main(int argc, char** argv) {
    redshift::EngineOptions options;
    options.folder = argc > 1 ? argv[1] : "redshift_shell_data";
    if (argc > 2) options.lake = std::make_shared<redshift::FolderLake>(argv[2]);
    auto engine = redshift::Engine::open(options);
    if (!engine) return std::fprintf(stderr, "%s\n", engine.error().message.c_str()), 1;
    auto session = (*engine)->connect({catalog::local_administrator()});
    if (!session) return std::fprintf(stderr, "%s\n", session.error().message.c_str()), 1;
    const std::string script{std::istreambuf_iterator<char>(std::cin), {}};
    const auto statements = redshift::split(script);
    if (!statements) return std::fprintf(stderr, "%s\n", statements.error().message.c_str()), 1;
    for (const auto& statement : *statements) {
        std::printf("> %s\n", statement.text.c_str());
        auto cursor = (*session)->run(statement);
        for (const auto& notice : (*session)->take_notices())
            std::printf("  %s: %s\n", notice.severity.c_str(), notice.message.c_str());
        if (!cursor) {
            std::printf("  ERROR %s %s\n", cursor.error().sqlstate.c_str(),
                        cursor.error().message.c_str());
            continue;
        }
        for (const auto& column : (*cursor)->columns()) std::printf("  %s", column.name.c_str());
        if (!(*cursor)->columns().empty()) std::printf("\n");
        for (;;) {
            const auto more = (*cursor)->next();
            if (!more) std::printf("  ERROR %s\n", more.error().message.c_str());
            if (!more || !*more) break;
            for (std::size_t at = 0; at < (*cursor)->columns().size(); ++at) {
                const sql::Value value = (*cursor)->value(at);
                if (const auto* text = std::get_if<std::string>(&value)) {
                    std::printf("  %s", text->c_str());
                } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
                    std::printf("  %lld", static_cast<long long>(*number));
                } else if (const auto* real = std::get_if<double>(&value)) {
                    std::printf("  %g", *real);
                } else if (const auto* flag = std::get_if<bool>(&value)) {
                    std::printf("  %s", *flag ? "t" : "f");
                } else {
                    std::printf("  NULL");
                }
            }
            std::printf("\n");
        }
        std::printf("  [%s]\n", (*cursor)->tag().c_str());
    }
}
