#include "redshift/engine_session.h"
namespace stroma::redshift {
Answer<std::unique_ptr<Cursor>> run_copy(EngineSession&, const Prepared&) {
    return refuse("0A000", "COPY is not there");
}
Answer<std::unique_ptr<Cursor>> run_unload(EngineSession&, const Prepared&) {
    return refuse("0A000", "UNLOAD is not there");
}
Answer<std::unique_ptr<Cursor>> run_maintenance(EngineSession&, const Prepared&) {
    return refuse("0A000", "this statement is not there");
}
Answer<std::unique_ptr<Cursor>> run_merge(EngineSession&, const Prepared&,
                                          std::span<const sql::Value>) {
    return refuse("0A000", "MERGE is not there");
}
Answer<std::unique_ptr<CopyIn>> EngineSession::copy_in(const Prepared&) {
    return refuse("0A000", "COPY FROM STDIN is not there");
}
Answer<std::unique_ptr<CopyOut>> EngineSession::copy_out(const Prepared&) {
    return refuse("0A000", "COPY TO STDOUT is not there");
}
}  // namespace stroma::redshift
