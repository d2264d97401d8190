// SPDX-License-Identifier: MIT
#include "base/pattern.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define PARENTHESES_DEPTH_MAX 100u

struct dh_pattern {
    const dohle_allocator *mem;
    pcre2_general_context *general;
    pcre2_match_context *limits;
    pcre2_code *code;
    pcre2_match_data *match;
};

// PCRE2 frees without a size, so each block carries its own.
struct block {
    alignas(max_align_t) size_t size;
};

static void *allocate(size_t size, void *ctx)
{
    if (size > SIZE_MAX - sizeof(struct block)) {
        return NULL;
    }
    struct block *block = dh_mem_alloc(ctx, size + sizeof(*block));
    if (block == NULL) {
        return NULL;
    }
    block->size = size + sizeof(*block);
    return block + 1;
}

static void release(void *pointer, void *ctx)
{
    if (pointer != NULL) {
        struct block *block = (struct block *)pointer - 1;
        dh_mem_free(ctx, block, block->size);
    }
}

static int compile(struct dh_pattern *pattern, dohle_bytes text, char *error_text)
{
    pcre2_compile_context *context = pcre2_compile_context_create(pattern->general);
    if (context == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    pcre2_set_parens_nest_limit(context, PARENTHESES_DEPTH_MAX);
    int error;
    PCRE2_SIZE error_at;
    pattern->code = pcre2_compile(text.data, text.size,
                                  PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF |
                                      PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                                  &error, &error_at, context);
    pcre2_compile_context_free(context);
    if (pattern->code != NULL) {
        return 0;
    }
    if (error == PCRE2_ERROR_HEAP_FAILED) {
        return DOHLE_ERR_NO_MEMORY;
    }
    PCRE2_UCHAR reason[DH_PATTERN_ERROR_SIZE - 64];
    if (pcre2_get_error_message(error, reason, sizeof(reason)) < 0) {
        reason[0] = '\0';
    }
    snprintf(error_text, DH_PATTERN_ERROR_SIZE, "at byte %zu: %s", error_at,
             (const char *)reason);
    return DOHLE_ERR_INVALID_ARGUMENT;
}

static int prepare(struct dh_pattern *pattern, dohle_bytes text, char *error_text)
{
    /* PCRE2 wants its context pointer writable; allocate and release only read it. */
    void *ctx;
    memcpy(&ctx, &pattern->mem, sizeof(ctx));
    pattern->general = pcre2_general_context_create(allocate, release, ctx);
    if (pattern->general == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    pattern->limits = pcre2_match_context_create(pattern->general);
    if (pattern->limits == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    pcre2_set_match_limit(pattern->limits, DH_PATTERN_STEPS_MAX);
    pcre2_set_depth_limit(pattern->limits, DH_PATTERN_DEPTH_MAX);
    pcre2_set_heap_limit(pattern->limits, DH_PATTERN_HEAP_KIB_MAX);
    int err = compile(pattern, text, error_text);
    if (err != 0) {
        return err;
    }
    // One pair: only whether it matches is of interest, not the groups.
    pattern->match = pcre2_match_data_create(1, pattern->general);
    return pattern->match == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

int dh_pattern_new(const dohle_allocator *mem, dohle_bytes text, struct dh_pattern **out,
                   char *error_text)
{
    error_text[0] = '\0';
    *out = NULL;
    if (text.size > DH_PATTERN_SIZE_MAX) {
        return DOHLE_ERR_TOO_LARGE;
    }
    struct dh_pattern *pattern = dh_mem_calloc(mem, 1, sizeof(*pattern));
    if (pattern == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    pattern->mem = mem;
    int err = prepare(pattern, text, error_text);
    if (err != 0) {
        dh_pattern_free(pattern);
        return err;
    }
    *out = pattern;
    return 0;
}

void dh_pattern_free(struct dh_pattern *pattern)
{
    if (pattern == NULL) {
        return;
    }
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    pcre2_match_context_free(pattern->limits);
    pcre2_general_context_free(pattern->general);
    dh_mem_free(pattern->mem, pattern, sizeof(*pattern));
}

int dh_pattern_match(struct dh_pattern *pattern, dohle_bytes subject, bool *matches)
{
    int result = pcre2_match(pattern->code, subject.data, subject.size, 0, 0,
                             pattern->match, pattern->limits);
    if (result >= 0 || result == PCRE2_ERROR_NOMATCH) {
        *matches = result >= 0;
        return 0;
    }
    return result == PCRE2_ERROR_NOMEMORY ? DOHLE_ERR_NO_MEMORY : DOHLE_ERR_TOO_LARGE;
}
