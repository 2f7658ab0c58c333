# `cmake --install`: the libraries, the headers under include/ravel, and a package for find_package(ravel).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/ravel)
set_target_properties(ravel_train PROPERTIES EXPORT_NAME train)
install(TARGETS ravel ravel_train EXPORT ravelTargets)
install(EXPORT ravelTargets NAMESPACE ravel:: DESTINATION ${package_folder})
install(FILES ravel.hpp version.hpp eigen.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ravel)
install(DIRECTORY autograd ops nn optim data train DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ravel
  FILES_MATCHING PATTERN "*.hpp" PATTERN contraction EXCLUDE)

file(WRITE ${CMAKE_BINARY_DIR}/ravelConfig.cmake [[
include(CMakeFindDependencyMacro)
find_dependency(TBB)
find_dependency(fmt)
find_dependency(ZLIB)
include(${CMAKE_CURRENT_LIST_DIR}/ravelTargets.cmake)
]])
write_basic_package_version_file(${CMAKE_BINARY_DIR}/ravelConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/ravelConfig.cmake ${CMAKE_BINARY_DIR}/ravelConfigVersion.cmake
  DESTINATION ${package_folder})
