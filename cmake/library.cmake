# libdohle, shared and static, from the layers' objects. What it exports is what
# include/dohle declares: everything else is hidden, and the version script keeps
# it so.
set(dohle_layers base wire record assign client host api)
set(dohle_uses PkgConfig::PCRE2 PkgConfig::ISAL PkgConfig::LZ4 PkgConfig::SNAPPY
    PkgConfig::ZLIB PkgConfig::ZSTD PkgConfig::LIBUV PkgConfig::LIBCARES)
find_package(Threads REQUIRED)

# The headers say the version to the preprocessor, CMake says it to packagers.
file(READ include/dohle/version.h version_header)
if(NOT version_header MATCHES "DOHLE_VERSION_TEXT  \"${PROJECT_VERSION}\"")
    message(FATAL_ERROR "include/dohle/version.h does not say ${PROJECT_VERSION}")
endif()

add_library(dohle SHARED)
add_library(dohle_static STATIC)
foreach(library dohle dohle_static)
    foreach(layer ${dohle_layers})
        target_sources(${library} PRIVATE $<TARGET_OBJECTS:dh_${layer}>)
    endforeach()
    set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C)
    target_include_directories(${library} PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

target_link_libraries(dohle PRIVATE ${dohle_uses} Threads::Threads)
set(dohle_map ${PROJECT_SOURCE_DIR}/cmake/dohle.map)
target_link_options(dohle PRIVATE LINKER:--version-script=${dohle_map})
# The sanitizers' own symbols are found in the program that runs.
if(NOT CMAKE_C_FLAGS MATCHES "fsanitize")
    target_link_options(dohle PRIVATE LINKER:-z,defs)
endif()
set_target_properties(dohle PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${dohle_map})

# Names, not targets: who links the installed archive has no pkg-config targets of ours.
target_link_libraries(dohle_static INTERFACE
    uv cares pcre2-8 isal lz4 snappy z zstd pthread)
set_target_properties(dohle_static PROPERTIES OUTPUT_NAME dohle)

# ---- What is installed ----
install(TARGETS dohle dohle_static EXPORT dohle
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/dohle DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(dohle_package ${CMAKE_INSTALL_LIBDIR}/cmake/dohle)
install(EXPORT dohle NAMESPACE dohle:: FILE dohle-targets.cmake DESTINATION ${dohle_package})
include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/dohle-config.cmake.in dohle-config.cmake
    INSTALL_DESTINATION ${dohle_package})
write_basic_package_version_file(dohle-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dohle-config.cmake
              ${PROJECT_BINARY_DIR}/dohle-config-version.cmake DESTINATION ${dohle_package})

# The prefix is found from where the file lies, so that a tree may be moved.
file(RELATIVE_PATH dohle_pc_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(pkgconfig/dohle.pc.in dohle.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/dohle.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
