#include <dohle/dohle.h>
#include <signal.h>
#include <stdio.h>

static dohle_consumer *consumer;

static void stop(int number)
{
    (void)number;
    dohle_consumer_wakeup(consumer);
}

int main(int argc, char **argv)
{
    const char *topic = argc > 1 ? argv[1] : "orders";
    dohle_config *config = dohle_config_new();
    dohle_config_set(config, "bootstrap.servers", argc > 2 ? argv[2] : "127.0.0.1:9092");
    dohle_config_set(config, "group.id", argc > 3 ? argv[3] : "billing");
    if (dohle_consumer_open(config, NULL, &consumer) != 0) {
        fprintf(stderr, "%s\n", dohle_config_error(config));
        return 1;
    }
    signal(SIGINT, stop);
    dohle_consumer_subscribe(consumer, &topic, 1, NULL);
    dohle_records *records;
    while (dohle_consumer_poll(consumer, 1000, &records) == 0) {
        for (const dohle_record *r; (r = dohle_records_next(records)) != NULL;)
            printf("%s/%d@%lld: %.*s\n", r->topic, r->partition, (long long)r->offset,
                   (int)r->value.size, (const char *)r->value.data);
    }
    fprintf(stderr, "%s\n", dohle_consumer_last_error(consumer)->text);
    dohle_consumer_close(consumer, DOHLE_DEFAULT_TIMEOUT); // commits, leaves the group
    dohle_consumer_free(consumer);
    dohle_config_free(config);
    return 0;
}
