#pragma once

#include <string>

#include "sql/database.h"

namespace stroma::front::api {

// Rows of an answer as text, piece by piece.
//
// JSON: {"columns":[{"name","type"}…],"rows":[[…],…],"row_count":n}. Numbers that JSON can't say
// (NaN, infinities) are null; whole numbers past 2^53 are given as they are.
// CSV: RFC 4180 with \n and a header line; fields as sql::csv_field makes them.

std::string json_head(const sql::Rows& rows);
std::string json_row(const sql::Rows& rows);
std::string csv_head(const sql::Rows& rows);
std::string csv_row(const sql::Rows& rows);

}  // namespace stroma::front::api
