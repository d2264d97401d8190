// SPDX-License-Identifier: MIT
#include <dohle/error.h>

enum dohle_error_class dohle_error_class(int error)
{
    switch (error) {
#define ERROR_CLASS(name, value, class, text)                                            \
    case DOHLE_ERR_##name: return DOHLE_CLASS_##class;
        DOHLE_ERROR_MAP(ERROR_CLASS)
#undef ERROR_CLASS
    }
    return error == 0 ? DOHLE_CLASS_NONE : DOHLE_CLASS_FATAL;
}

const char *dohle_error_name(int error)
{
    switch (error) {
#define ERROR_NAME(name, value, class, text)                                             \
    case DOHLE_ERR_##name: return #name;
        DOHLE_ERROR_MAP(ERROR_NAME)
#undef ERROR_NAME
    }
    return error == 0 ? "OK" : "UNKNOWN";
}

const char *dohle_error_text(int error)
{
    switch (error) {
#define ERROR_TEXT(name, value, class, text)                                             \
    case DOHLE_ERR_##name: return text;
        DOHLE_ERROR_MAP(ERROR_TEXT)
#undef ERROR_TEXT
    }
    return error == 0 ? "no error" : "not an error of Dohle";
}
