#include "annotation/author.h"

namespace stroma::annotation {

Result<std::vector<HistoryEntry>> history_in(sql::Rows& rows) {
    std::vector<HistoryEntry> entries;
    while (TRY(rows.next()))
        entries.push_back({rows.integer(0),
                           {rows.text(1), rows.text(2)},
                           rows.integer(3),
                           rows.text(4),
                           rows.text(5)});
    return entries;
}

}  // namespace stroma::annotation
