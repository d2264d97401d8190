// SPDX-License-Identifier: MIT
/*
 * The format language of `dohle consume -f`, with kcl's and rpk's verbs.
 *
 *     %t topic       %p partition   %o offset      %e leader epoch
 *     %k key         %K its size    %v value       %V its size
 *     %h{...} each header, with %k and %v inside   %H how many
 *     %d timestamp in ms            %d{RFC3339}    %j the record as JSON
 *     %%, \n \t \r \\ \0 \xNN
 *
 * %k and %v take {hex}, {base64} or {json}. Null is written as nothing, its size
 * as -1. A format is checked as a whole before the first record.
 */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include <dohle/record.h>

#include "output.h"

struct format;

// NULL with *error (static text) and *position (of the fault) when it makes no sense.
struct format *format_parse(const char *text, const char **error, size_t *position);
void format_free(struct format *format);

void format_write(const struct format *format, const dohle_record *record,
                  struct output *output);

/*
 * Reads the escapes of a delimiter (\n \t \r \\ \0 \xNN) in place. Returns the
 * size, or -1: unknown escape.
 */
long format_unescape(char *text);

#endif
