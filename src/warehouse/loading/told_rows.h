#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "warehouse/warehouse.h"

namespace stroma::warehouse {

/// What obs tells of a revision's donors, specimens, suspensions and libraries, by the names of the
/// CELLxGENE schema, where the revision brings no rows of those tables itself.
class ToldRows {
public:
    /// Columns that it makes go into `kept`. The rows must outlive it.
    ToldRows(const RevisionRows& rows, std::deque<expression::Column>& kept);

    /// Rows of the tables, one for each combination of what obs says.
    const BiologyRows& biology() const { return biology_; }
    /// Each cell's key, or nullptr when all cells have the one of suspension_of_all().
    const expression::Column* suspension_of_cell() const { return suspensions_; }
    const expression::Column* library_of_cell() const { return libraries_; }
    sql::Value suspension_of_all() const;
    sql::Value library_of_all() const;
    /// The smallest key among the revision's own rows of the table; the dataset's id without any.
    sql::Value key_of_all(std::string_view table, std::string_view column) const;

private:
    class Kinds;
    bool has(std::string_view table) const;
    bool derives_cells() const {
        return !has("donor") && !has("specimen") && !has("cell_suspension");
    }
    std::string key_of(std::string_view kind, std::initializer_list<sql::Value> parts) const;
    sql::Value smallest_key(std::string_view table, std::string_view column) const;
    void tell_cells(const Kinds& kinds, std::deque<expression::Column>& kept);
    void tell_libraries(const Kinds& kinds, std::deque<expression::Column>& kept);
    void add_own_rows();

    const RevisionRows& rows_;
    BiologyRows biology_;
    const expression::Column* suspensions_ = nullptr;
    const expression::Column* libraries_ = nullptr;
};

}  // namespace stroma::warehouse
