# libdohle-broker, shared and static: the embedded broker. It needs libdohle, for the errors'
# texts and to register embedded:, and libdohle does not need it.
#
# The shared one holds its own copy of the layers that both use, since libdohle exports
# none of them. The archive does not: it is linked with libdohle's.
add_library(dohle_broker SHARED src/api/queue.c)
add_library(dohle_broker_static STATIC)
foreach(layer base wire record assign store coordinator broker host broker_api)
    target_sources(dohle_broker PRIVATE $<TARGET_OBJECTS:dh_${layer}>)
endforeach()
foreach(layer store coordinator broker broker_api)
    target_sources(dohle_broker_static PRIVATE $<TARGET_OBJECTS:dh_${layer}>)
endforeach()
foreach(library dohle_broker dohle_broker_static)
    set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME dohle-broker)
endforeach()
target_include_directories(dohle_broker PRIVATE src include)

target_link_libraries(dohle_broker PUBLIC dohle PRIVATE ${dohle_uses} Threads::Threads)
target_link_libraries(dohle_broker_static INTERFACE dohle_static)
set(dohle_broker_map ${PROJECT_SOURCE_DIR}/cmake/dohle-broker.map)
target_link_options(dohle_broker PRIVATE LINKER:--version-script=${dohle_broker_map})
if(NOT CMAKE_C_FLAGS MATCHES "fsanitize")
    target_link_options(dohle_broker PRIVATE LINKER:-z,defs)
endif()
set_target_properties(dohle_broker PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${dohle_broker_map} EXPORT_NAME broker
    INSTALL_RPATH "$ORIGIN") # libdohle lies beside it
set_target_properties(dohle_broker_static PROPERTIES EXPORT_NAME broker_static)

# ---- What is installed; the headers are with libdohle's ----
install(TARGETS dohle_broker dohle_broker_static EXPORT dohle_broker
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT dohle_broker NAMESPACE dohle:: FILE dohle-broker-targets.cmake
    DESTINATION ${dohle_package})
configure_file(pkgconfig/dohle-broker.pc.in dohle-broker.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/dohle-broker.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
