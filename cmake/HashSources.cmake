# cmake -DROOT=<project> -DFOLDERS="src/tissue src/image" -DOUTPUT=<file.cpp> -P HashSources.cmake
#   Writes stroma::app::step_code(): a hash of the sources in these folders (and below) that are
#   built into the program. Comments count too: that is the price of nobody having to remember.
separate_arguments(FOLDERS)
set(sums "")
foreach(folder IN LISTS FOLDERS)
  file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/${folder}/*.cpp ${ROOT}/${folder}/*.h)
  list(FILTER files EXCLUDE REGEX "_(test|fuzz|bench)\\.cpp$")
  list(SORT files)
  foreach(file IN LISTS files)
    file(SHA256 ${ROOT}/${file} sum)
    string(APPEND sums "${file} ${sum}\n")
  endforeach()
endforeach()
string(SHA256 sum "${sums}")
string(SUBSTRING ${sum} 0 12 sum)
file(WRITE ${OUTPUT} "#include \"app/tissue/step_code.h\"

namespace stroma::app {

std::string_view step_code() { return \"${sum}\"; }

}  // namespace stroma::app
")
