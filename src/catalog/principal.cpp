#include "catalog/principal.h"

namespace stroma::catalog {

Principal anonymous_principal() {
    Principal principal;
    principal.id = principal.name = "anonymous";
    return principal;
}

Principal local_administrator() {
    Principal principal;
    principal.id = principal.name = "local";
    principal.role = Role::administrator;
    return principal;
}

}  // namespace stroma::catalog
