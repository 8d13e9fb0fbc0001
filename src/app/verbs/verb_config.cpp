#include <cstdlib>
#include <memory>

#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"

namespace stroma::app {
namespace {

Result<void> show_settings(Invocation& invocation) {
    if (invocation.json) {
        Json values = Json::object();
        for (const auto& setting : setting_table()) {
            const std::string name(setting.name);
            values[name] = {{"value", invocation.settings.text(name)},
                            {"from", invocation.settings.origin(name)}};
        }
        invocation.terminal->print(values.dump(2) + "\n");
        return {};
    }
    TextTable table({{"setting"}, {"value"}, {"from"}});
    for (const auto& setting : setting_table())
        table.add({std::string(setting.name), invocation.settings.text(setting.name),
                   invocation.settings.origin(setting.name)});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

}  // namespace

Verb config_verb() {
    auto explain = std::make_shared<bool>(false);
    return {
        .name = "config",
        .summary = "Show the settings in force and who set them",
        .text =
            "Settings are read from stroma.toml in the data directory (or --config FILE), then "
            "from the environment, then from --set; the later wins.",
        .examples =
            "  stroma config --explain\n"
            "  stroma config --config lab/stroma.toml\n"
            "  stroma config --set query.time=60s --json\n",
        .options = {{"--explain", explain.get(), "", "the page of all settings, as Markdown"}},
        .run = [explain](Invocation& invocation) -> Result<void> {
            if (!*explain) return show_settings(invocation);
            invocation.terminal->print(explain_settings());
            return {};
        },
        .data_use = DataUse::optional,
    };
}

}  // namespace stroma::app
