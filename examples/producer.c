// SPDX-License-Identifier: MIT
#include <dohle/dohle.h>
#include <stdio.h>
#include <string.h>

static void on_delivery(dohle_producer *producer, int error, const char *topic,
                        int32_t partition, int64_t offset, int64_t timestamp_ms,
                        void *ctx)
{
    (void)producer;
    (void)timestamp_ms;
    long *failed = ctx;
    *failed += error != 0;
    if (error != 0)
        fprintf(stderr, "not delivered: %s\n", dohle_error_text(error));
    else
        printf("%s/%d@%lld\n", topic, partition, (long long)offset);
}

// Sends each line of standard input as a record.
int main(int argc, char **argv)
{
    dohle_config *config = dohle_config_new();
    dohle_config_set(config, "bootstrap.servers", argc > 2 ? argv[2] : "127.0.0.1:9092");
    dohle_config_set(config, "compression.type", "lz4");
    dohle_producer *producer;
    if (dohle_producer_open(config, NULL, &producer) != 0) {
        fprintf(stderr, "%s\n", dohle_config_error(config));
        return 1;
    }
    long failed = 0;
    char line[4096];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        dohle_send send = {
            .topic = argc > 1 ? argv[1] : "orders",
            .partition = -1, // by the key, or spread without one
            .timestamp_ms = -1,
            .value = {(const uint8_t *)line, strcspn(line, "\n")},
            .callback = on_delivery,
            .ctx = &failed,
        };
        if (dohle_producer_send(producer, &send) != 0) {
            fprintf(stderr, "%s\n", dohle_producer_last_error(producer)->text);
            failed++;
            break;
        }
    }
    if (dohle_producer_close(producer, DOHLE_DEFAULT_TIMEOUT) != 0)
        fprintf(stderr, "%s\n", dohle_producer_last_error(producer)->text);
    dohle_producer_free(producer);
    dohle_config_free(config);
    return failed != 0;
}
