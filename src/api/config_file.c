// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/mem.h"

// More is no file of settings.
#define FILE_SIZE_MAX ((size_t)1 << 20)
#define READ_SIZE     ((size_t)4096)

// Reads to the end into buf. Returns 0, DOHLE_ERR_IO, or the error of buf.
static int read_all(FILE *file, struct dh_buf *buf)
{
    for (;;) {
        uint8_t *at = dh_buf_extend(buf, READ_SIZE);
        if (at == NULL) {
            return buf->err;
        }
        size_t size = fread(at, 1, READ_SIZE, file);
        buf->size -= READ_SIZE - size;
        if (ferror(file)) {
            return DOHLE_ERR_IO;
        }
        if (size == 0) {
            return 0;
        }
    }
}

int dohle_config_load(dohle_config *config, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        dh_config_set_error(config, "%.300s: %s", path, strerror(errno));
        return DOHLE_ERR_IO;
    }
    struct dh_buf buf;
    dh_buf_init(&buf, dh_mem_default(), FILE_SIZE_MAX);
    errno = 0;
    int err = read_all(file, &buf);
    if (err == 0) {
        err = dh_config_load_text(config, path, dh_buf_view(&buf));
    } else if (err == DOHLE_ERR_IO) {
        dh_config_set_error(config, "%.300s: %s", path, strerror(errno));
    } else {
        dh_config_set_error(config, "%.300s: %s", path, dohle_error_text(err));
    }
    dh_buf_deinit(&buf);
    fclose(file);
    return err;
}
