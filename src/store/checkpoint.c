// SPDX-License-Identifier: MIT
#include "store/checkpoint.h"

#include <stdio.h>

#include <dohle/error.h>

#include "base/strings.h"
#include "store/names.h"

int dh_store_read_file(struct dh_vfs *vfs, const char *path, struct dh_buf *out)
{
    struct dh_file *file = NULL;
    int err = vfs->calls->open(vfs, path, 0, &file);
    if (err != 0) {
        return err;
    }
    int64_t size;
    err = vfs->calls->size(vfs, file, &size);
    if (err == 0 && (uint64_t)size > DH_STORE_SMALL_FILE_MAX) {
        err = DOHLE_ERR_TOO_LARGE;
    }
    if (err == 0 && size > 0) {
        size_t before = out->size;
        size_t got = 0;
        uint8_t *data = dh_buf_extend(out, (size_t)size);
        err = data == NULL ? out->err
                           : vfs->calls->read(vfs, file, 0, data, (size_t)size, &got);
        out->size = before + got;
    }
    vfs->calls->close(vfs, file);
    return err;
}

static int write_new(struct dh_vfs *vfs, const char *path, dohle_bytes content,
                     bool is_synced)
{
    struct dh_file *file = NULL;
    int err = vfs->calls->open(vfs, path, DH_VFS_WRITE | DH_VFS_CREATE, &file);
    if (err != 0) {
        return err;
    }
    err = vfs->calls->truncate(vfs, file, 0);
    if (err == 0 && content.size > 0) {
        err = vfs->calls->write(vfs, file, 0, &content, 1);
    }
    if (err == 0 && is_synced) {
        err = vfs->calls->sync_now(vfs, file);
    }
    vfs->calls->close(vfs, file);
    return err;
}

int dh_store_replace_file(struct dh_vfs *vfs, const char *directory, const char *name,
                          dohle_bytes content, bool is_synced)
{
    struct dh_store_path path = dh_store_path(directory, name);
    char beside[DH_STORE_PATH_SIZE + 4];
    snprintf(beside, sizeof(beside), "%s.tmp", path.text);
    int err = write_new(vfs, beside, content, is_synced);
    if (err == 0) {
        err = vfs->calls->rename(vfs, beside, path.text);
    }
    if (err == 0 && is_synced) {
        err = vfs->calls->sync_directory(vfs, directory);
    }
    return err;
}

bool dh_store_lines_init(struct dh_store_lines *lines, dohle_bytes text)
{
    dohle_bytes line;
    int64_t version;
    lines->rest = text;
    if (!dh_split_next(&lines->rest, '\n', &line) ||
        dh_parse_int64(line, 0, 0, &version) != 0 ||
        !dh_split_next(&lines->rest, '\n', &line) ||
        dh_parse_int64(line, 0, INT32_MAX, &lines->left) != 0) {
        return false;
    }
    // A file that was cut off has fewer lines than it says, or a last one without its end.
    int64_t count = 0;
    for (size_t i = 0; i < lines->rest.size; i++) {
        count += lines->rest.data[i] == '\n';
    }
    return count == lines->left;
}

bool dh_store_lines_next(struct dh_store_lines *lines, dohle_bytes *line)
{
    if (lines->left == 0) {
        return false;
    }
    lines->left--;
    return dh_split_next(&lines->rest, '\n', line);
}
