#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "redshift/dialect/call.h"

namespace stroma::redshift {
namespace {

struct Absent {
    std::string_view start;  ///< of the function's name
    bool is_whole;           ///< or all of it
    std::string_view instead;
};

// What Redshift has and we have not, so that it is told from a mistyped name.
constexpr Absent absent[] = {
    {"checksum", true, "its values aren't published: FNV_HASH and MURMUR3_32_HASH are there"},
    {"hll_create_sketch", true, "sketches aren't there: HLL(x) and APPROXIMATE COUNT(DISTINCT x)"},
    {"hll_cardinality", true, "sketches aren't there: HLL(x) and APPROXIMATE COUNT(DISTINCT x)"},
    {"hll_combine", false, "sketches aren't there: HLL(x) and APPROXIMATE COUNT(DISTINCT x)"},
    {"object_transform", true, "OBJECT and JSON_PARSE make values of SUPER anew"},
    {"lower_attribute_names", true, "names of attributes stay as they are written"},
    {"upper_attribute_names", true, "names of attributes stay as they are written"},
    {"st_", false, "spatial functions aren't there: keep coordinates as numbers"},
    {"h3_", false, "spatial functions aren't there: keep coordinates as numbers"},
    {"geometrytype", true, "spatial functions aren't there: keep coordinates as numbers"},
    {"addbbox", true, "spatial functions aren't there: keep coordinates as numbers"},
    {"dropbbox", true, "spatial functions aren't there: keep coordinates as numbers"},
    {"supportsbbox", true, "spatial functions aren't there: keep coordinates as numbers"},
    {"explain_model", true, "there are no models"},
    {"slice_num", true, "one machine holds everything: there are no slices"},
    {"pg_get_cols", true, "svv_columns tells the columns of a relation"},
    {"pg_get_iam_role_by_user", true, "rights are the site's own: svv_relation_privileges"},
    {"pg_get_grantee_by_iam_role", true, "rights are the site's own: svv_relation_privileges"},
    {"pg_get_session_roles", true, "svv_user_grants tells the roles of users"},
    {"has_assumerole_privilege", true, "no role of AWS is assumed here"},
    {"role_is_member_of", true, "svv_role_grants tells the roles of roles"},
    {"user_is_member_of", true, "svv_user_grants and pg_has_role tell the roles of users"},
    {"current_aws_account", true, "there is no account of AWS"},
    {"array_sort", true, "UNNEST, ORDER BY and LISTAGG say the same"},
    {"array_union", true, "ARRAY_DISTINCT(ARRAY_CONCAT(a, b)) says the same of sets"},
    {"json_to_array", true, "JSON_PARSE makes an array of SUPER"},
    {"varbyte_combine", true, "there are no sketches"},
    {"change_query_priority", true, "statements have no priorities: pg_cancel_backend ends one"},
    {"change_session_priority", true, "sessions have no priorities"},
    {"change_user_priority", true, "users have no priorities"},
    {"reboot_cluster", true, "who runs the site restarts it"},
    {"current_session_arn", true, "no role of AWS is assumed here"},
    {"default_iam_role", true, "no role of AWS is assumed here"},
    {"get_most_recent_principal", true, "no role of AWS is assumed here"},
    {"pg_last_unload_id", true, "stl_unload_log tells of UNLOADs"},
    {"pg_get_late_binding_view_cols", true,
     "it stands in FROM, with its columns: cols(view_schema name, view_name name, col_name name, "
     "col_type varchar, col_num int)"},
};

}  // namespace

Answer<void> demand_known(const Call& call) {
    for (const auto& [start, is_whole, instead] : absent) {
        if (is_whole ? call.name() != start : !call.name().starts_with(start)) continue;
        Failure failure("0A000", fmt::format("function {} is not there: {}", call.name(), instead));
        failure.position = call.rewriter().token(call.open()).offset + 1;
        return fail(std::move(failure));
    }
    return {};
}

}  // namespace stroma::redshift
