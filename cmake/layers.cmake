# A layer is a folder of src/ and an archive. Its unit tests link that archive
# and the layers it may see, and nothing else: that is how the rule of
# docs/architecture.md ("who may include whom") is held.

# dohle_layer(NAME [FOLDER folder] [ONLY expression] [WITHOUT expression]
#                  [SEES layer...] [USES library...])
# A folder of two layers is divided by the names of its files.
function(dohle_layer name)
    cmake_parse_arguments(layer "" "FOLDER;ONLY;WITHOUT" "SEES;USES" ${ARGN})
    if(NOT layer_FOLDER)
        set(layer_FOLDER ${name})
    endif()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer_FOLDER}/*.c)
    dohle_divide(sources)
    add_library(dh_${name} STATIC ${sources})
    target_include_directories(dh_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                                 ${PROJECT_SOURCE_DIR}/src)
    list(TRANSFORM layer_SEES PREPEND dh_)
    target_link_libraries(dh_${name} PUBLIC ${layer_SEES} PRIVATE ${layer_USES})
    if(DOHLE_BUILD_TESTS)
        dohle_unit_tests(${name})
    endif()
endfunction()

# Leaves those of the list that are of the layer.
macro(dohle_divide list)
    if(layer_ONLY)
        list(FILTER ${list} INCLUDE REGEX ${layer_ONLY})
    endif()
    if(layer_WITHOUT)
        list(FILTER ${list} EXCLUDE REGEX ${layer_WITHOUT})
    endif()
endmacro()

# One program for each tests/unit/LAYER/**/X_test.c, named unit-LAYER-X. Those
# that start threads are called X_threads_test.c and labelled `threads`, so that
# `ctest -L threads` runs them alone under ThreadSanitizer.
function(dohle_unit_tests layer)
    set(folder ${PROJECT_SOURCE_DIR}/tests/unit/${layer_FOLDER})
    file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${folder}/*_test.c)
    dohle_divide(tests)
    file(GLOB rig CONFIGURE_DEPENDS ${folder}/rig.c) # what all of them share, if anything
    foreach(test ${tests})
        file(RELATIVE_PATH test_name ${folder} ${test})
        string(REPLACE "/" "-" test_name ${test_name})
        string(REGEX REPLACE "_test\\.c$" "" test_name ${test_name})
        set(target unit-${layer}-${test_name})
        add_executable(${target} ${test} ${rig})
        target_compile_definitions(${target} PRIVATE DOHLE_TESTS_DIR="${PROJECT_SOURCE_DIR}/tests")
        target_link_libraries(${target} PRIVATE -Wl,--whole-archive dh_${layer}
                                                -Wl,--no-whole-archive cmocka)
        add_test(NAME ${target} COMMAND ${target})
        if(test MATCHES "_threads_test\\.c$")
            set_tests_properties(${target} PROPERTIES LABELS threads)
        endif()
    endforeach()
endfunction()
