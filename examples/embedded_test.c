// SPDX-License-Identifier: MIT
/*
 * A test that brings its own broker: start, produce, consume, stop. No Java, no network but this
 * machine's own, nothing left behind.
 *
 *     cc embedded_test.c $(pkg-config --cflags --libs dohle-broker)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dohle/broker.h>
#include <dohle/dohle.h>

#define RECORDS 100

static void check(int is_right, const char *what)
{
    if (!is_right) {
        fprintf(stderr, "failed: %s: %s\n", what, dohle_broker_last_error()->text);
        exit(1);
    }
}

static void produce(dohle_config *config)
{
    dohle_producer *producer;
    check(dohle_producer_open(config, NULL, &producer) == 0, "open a producer");
    for (int i = 0; i < RECORDS; i++) {
        char value[32];
        int size = snprintf(value, sizeof(value), "order %d", i);
        const dohle_send send = {
            .topic = "orders",
            .partition = -1, // spread
            .timestamp_ms = -1,
            .value = {(const uint8_t *)value, (size_t)size},
        };
        check(dohle_producer_send(producer, &send) == 0, "send");
    }
    check(dohle_producer_flush(producer, 10000) == 0, "flush");
    dohle_producer_free(producer);
}

static int consume(dohle_config *config)
{
    const char *const topics[] = {"orders"};
    dohle_consumer *consumer;
    check(dohle_consumer_open(config, NULL, &consumer) == 0, "open a consumer");
    check(dohle_consumer_subscribe(consumer, topics, 1, NULL) == 0, "subscribe");
    int count = 0;
    while (count < RECORDS) {
        dohle_records *records;
        check(dohle_consumer_poll(consumer, 10000, &records) == 0, "poll");
        count += (int)dohle_records_count(records);
    }
    check(dohle_consumer_close(consumer, 10000) == 0, "close");
    dohle_consumer_free(consumer);
    return count;
}

int main(void)
{
    const dohle_broker_options options = {.size = sizeof(options), .node_count = 3};
    dohle_broker *broker;
    check(dohle_broker_start(&options, &broker) == 0, "start");
    check(dohle_broker_create_topic(broker, "orders", 6) == 0, "create a topic");

    dohle_config *config = dohle_config_new();
    dohle_config_set(config, "bootstrap.servers", dohle_broker_bootstrap(broker));
    dohle_config_set(config, "group.id", "test");
    dohle_config_set(config, "auto.offset.reset", "earliest");
    produce(config);
    // Leaders fail over while the group reads.
    check(dohle_broker_kill_node(broker, 2) == 0, "kill a node");
    check(consume(config) == RECORDS, "every order arrives");
    check(dohle_broker_wait(broker, "group=test state=Empty", 10000) == 0, "it has left");

    dohle_config_free(config);
    check(dohle_broker_stop(broker, 10000) == 0, "stop");
    puts("ok");
    return 0;
}
