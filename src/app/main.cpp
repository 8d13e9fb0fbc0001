#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/terminal/interrupt.h"
#include "app/verbs/verbs.h"

int main(int argument_count, char** arguments) {
    const std::stop_token stop = stroma::app::catch_interrupts();
    stroma::app::Terminal terminal;
    const std::vector<std::string> words(arguments + 1, arguments + argument_count);
    return stroma::app::run_command_line(words, stroma::app::all_verbs(), terminal, stop);
}
