# The warnings of docs/style.md. -Werror is the presets' business.
add_compile_options(
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wcast-align
    -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition -Wundef -Wvla
    -Walloca -Wwrite-strings -Wpointer-arith -Wnull-dereference -Wimplicit-fallthrough
    -Wswitch-enum -Wdouble-promotion)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wformat-signedness -Wlogical-op -Wduplicated-cond -Wduplicated-branches
                        -Wjump-misses-init)
elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
    add_compile_options(-Wcomma -Wunreachable-code -Wconditional-uninitialized
                        -Wmissing-variable-declarations)
endif()
