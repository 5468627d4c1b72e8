# ctest: every #include "room/..." obeys the one-way table below, and nothing else is included so; and no
# two headers give one name to two types (the linker would take either, and nobody would say so).
# Run by hand: cmake -P tests/layering.cmake
set(may_sim/core "sim/core")
set(may_sim/model "sim/core|sim/model")
set(may_sim/engine "sim/core|sim/model|sim/engine")
set(may_sim/cli "sim/core|sim/model|sim/engine|sim/cli|policies|workloads|reports")
set(may_policies "sim/core|sim/model|policies")
set(may_workloads "sim/core|sim/model|workloads")
set(may_reports "sim/core|sim/model|reports")
set(may_sim/model/attention "sim/core/check.h|sim/model/attention")
set(may_kernels "kernels|sim/model/attention")
set(root "${CMAKE_CURRENT_LIST_DIR}/..")
foreach(room sim/core sim/model sim/model/attention sim/engine sim/cli policies workloads reports
    kernels)
  file(GLOB_RECURSE files "${root}/${room}/*.h" "${root}/${room}/*.cpp" "${root}/${room}/*.cu"
    "${root}/${room}/*.cuh")
  foreach(file ${files})
    file(STRINGS "${file}" includes REGEX "^[ \t]*#[ \t]*include[ \t]*\"")
    foreach(line ${includes})
      if(NOT line MATCHES "#[ \t]*include[ \t]*\"(${may_${room}})[/\"]")
        file(RELATIVE_PATH name "${root}" "${file}")
        message(SEND_ERROR "${name}: ${line}  -- ${room} may include only ${may_${room}}")
      endif()
    endforeach()
  endforeach()
endforeach()

file(GLOB_RECURSE headers RELATIVE "${root}" "${root}/sim/*.h" "${root}/policies/*.h"
  "${root}/workloads/*.h" "${root}/reports/*.h" "${root}/kernels/*.h" "${root}/kernels/*.cuh"
  "${root}/tests/*.h")
list(FILTER headers EXCLUDE REGEX "node_modules")
foreach(header ${headers})
  set(space "")
  file(STRINGS "${root}/${header}" lines
    REGEX "^(namespace kvsim[a-z_:]* {|(struct|class|enum class) [^;]*{)")
  foreach(line ${lines})
    if(line MATCHES "^namespace ([a-z_:]+)")
      set(space "${CMAKE_MATCH_1}")
    elseif(line MATCHES "^(struct|class|enum class) (alignas\\([^)]*\\) )?([A-Za-z0-9_]+)")
      set(key "defined_${space}_${CMAKE_MATCH_3}")
      if(DEFINED ${key} AND NOT "${${key}}" STREQUAL "${header}")
        message(SEND_ERROR "${header}: ${space}::${CMAKE_MATCH_3} is also defined in ${${key}}")
      endif()
      set(${key} "${header}")
    endif()
  endforeach()
endforeach()
