#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/site.h"
#include "app/terminal/interrupt.h"
#include "app/verbs/verbs.h"
#include "delivery/jq_child.h"
#include "load/child/parser_child.h"

int main(int argument_count, char** arguments) {
    if (stroma::loading::is_parser_child(argument_count, arguments))
        stroma::loading::run_parser_child(argument_count, arguments, stroma::app::format_readers(),
                                          stroma::app::image_readers());
    if (stroma::delivery::is_jq_child(argument_count, arguments)) stroma::delivery::run_jq_child();
    const std::stop_token stop = stroma::app::catch_interrupts();
    stroma::app::Terminal terminal;
    const std::vector<std::string> words(arguments + 1, arguments + argument_count);
    const int code = stroma::app::run_command_line(words, stroma::app::all_verbs(), terminal, stop);
    // What a verb has left open isn't taken apart, nor are the libraries.
    std::fflush(nullptr);
    std::_Exit(code);
}
